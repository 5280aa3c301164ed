-- What is told to few. In the leaf of its record a protected value stands as a salted commitment; the value itself is here,
-- under a key that can be destroyed: then nobody reads it again, nor can try a guess at it, and every proof still holds.
create table subject_keys (
  id         text collate "C" primary key,
  -- A principal for what is personal, an institution's LEI for what it means to trade.
  subject    text collate "C" not null,
  region     text collate "C" not null,
  class      text collate "C" not null,
  -- Of the records, in UTC: what may go goes a year at a time.
  year       integer not null check (year between 1970 and 9999),
  -- 32 bytes under the key of the region (AES-256-GCM), bound to the columns before it. Null once it is destroyed.
  sealed_key bytea,
  created_at timestamptz not null default now(),
  erased_at  timestamptz,
  check ((sealed_key is null) = (erased_at is not null))
);
-- Of two nodes that need the same key first, one makes it.
create unique index subject_keys_in_use on subject_keys (subject, region, class, year) where erased_at is null;

-- One index serves who looks up a record, which names the key of each value, and who destroys all that is under a key.
create table protected_values (
  key        text collate "C" not null,
  record_id  text collate "C" not null,
  -- JSON pointer (RFC 6901) of its place in the record.
  path       text collate "C" not null,
  -- AES-256-GCM: nonce (12 bytes), salt (32) and canonical JSON text encrypted, tag (16).
  ciphertext bytea not null check (octet_length(ciphertext) between 61 and 65595),
  primary key (key, record_id, path)
);
-- What is encrypted does not compress, and is kept whole up to what a page holds: see 0004.
alter table protected_values alter column ciphertext set storage external;
alter table protected_values set (toast_tuple_target = 8160);

-- The component's role may insert and read. Who may more is stopped as well, unless it has said upon which record.
create function refuse_unordered_change() returns trigger language plpgsql as $$
begin
  if coalesce(current_setting('countersign.authority', true), '') = '' then
    raise exception 'protected values go by an order of two people, and by nothing else';
  end if;
  return null;
end
$$;
create trigger subject_keys_are_kept before update or delete or truncate on subject_keys for each statement execute function refuse_unordered_change();
create trigger protected_values_are_kept before update or delete or truncate on protected_values for each statement execute function refuse_unordered_change();
