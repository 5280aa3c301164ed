-- The log. Rows are inserted and never changed: the component's role may insert and read, nothing else.
create table entries (
  -- Place in the log, from 0, without gaps. Of two sequencers that want the same place, the primary key lets one have it.
  index       bigint primary key check (index >= 0),
  record_id   text collate "C" not null constraint entries_record_id unique,
  type        text collate "C" not null,
  transaction text collate "C",
  -- For records of a mandate's life: the mandate, so that its later versions can be found.
  mandate     text collate "C",
  -- SHA-256(0x00 || entry) (RFC 6962 section 2.1).
  leaf_hash   bytea not null check (octet_length(leaf_hash) = 32),
  entry       bytea not null check (octet_length(entry) between 1 and 65535)
);
create index entries_of_transaction on entries (transaction, index) where transaction is not null;
create index entries_of_mandate on entries (mandate, index) where mandate is not null;
create index entries_of_type on entries (type, index);

-- Full tiles of the tree (C2SP tlog-tiles), written together with the entry that completes them. What is not yet a
-- full tile follows from the entries.
create table tiles (
  level  smallint not null check (level between 0 and 63),
  index  bigint not null check (index >= 0),
  hashes bytea not null check (octet_length(hashes) = 8192),
  -- Hash over the whole tile: its place in the tile above.
  root   bytea not null check (octet_length(root) = 32),
  primary key (level, index)
);

-- Every tree head the log ever signed. One size signed twice means one root, by two keys.
create table checkpoints (
  size   bigint not null check (size >= 0),
  key_id text collate "C" not null,
  note   text not null,
  primary key (size, key_id)
);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the log is append-only';
end
$$;
create trigger entries_are_kept before update or delete or truncate on entries for each statement execute function refuse_change();
create trigger tiles_are_kept before update or delete or truncate on tiles for each statement execute function refuse_change();
create trigger checkpoints_are_kept before update or delete or truncate on checkpoints for each statement execute function refuse_change();

-- Entries are JSON of a few hundred bytes that is read rarely: kept as it is, without the cost of compressing it.
alter table entries alter column entry set storage external;
