-- How far the stamping of the log has got. One row.
create table stamping (
  only_row         boolean primary key default true check (only_row),
  -- Place of the last record that was looked at.
  position         bigint not null check (position >= -1),
  -- The newest checkpoint that was stamped: its size, and when.
  checkpoint_size  numeric(20) not null default 0,
  checkpoint_at    timestamptz,
  -- Whoever stamps holds the turn: a number that no other holder ever had, and until when by the database's clock.
  turn             bigint not null default 0,
  held_until       timestamptz
);
