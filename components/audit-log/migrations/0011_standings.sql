-- How things that carry authority stand, by the newest record about each (docs/adr/0043). Written with the entry, by the same
-- statement; `log verify` compares it with the records. The component's role inserts and reads, so nothing that a record has
-- ended can be brought back.
create table standings (
  subject text collate "C" not null,
  index   bigint not null,
  -- SHA-256 over the canonical form of all that decides; null once it has ended.
  digest  bytea check (octet_length(digest) = 32),
  primary key (subject, index)
);
create trigger standings_are_kept before update or delete or truncate on standings for each statement execute function refuse_change();
create index standings_of_entry on standings (index);
