-- HMAC-SHA-256 over place, leaf hash and record id, with a key that no database has. Only a process of the installation can
-- make one: a row that somebody inserts with the role of the log is recognised by what it lacks.
alter table entries add column seal bytea check (octet_length(seal) = 32);

-- Entries before this place were appended before there were seals: evidence, but no authority. Written here, by the owner of
-- the database; the role of the log can neither change the row nor add one.
create table unsealed_entries (
  only_row boolean primary key default true check (only_row),
  before   bigint not null
);
insert into unsealed_entries (before) select coalesce(max(index) + 1, 0) from entries;
create trigger unsealed_entries_are_kept before update or delete or truncate on unsealed_entries
  for each statement execute function refuse_change();
