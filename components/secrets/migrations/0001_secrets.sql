-- Encrypted values by the SHA-256 of their ciphertext, which a record names. Rows are inserted and removed, never changed. Without its
-- key a value is destroyed.
create table materials (
  digest     text collate "C" primary key,
  ciphertext bytea not null,
  sealed_key bytea not null,
  made_at    timestamptz not null
);
-- One lease for each holder and role; `generation` counts them. `state` is what the newest record about it contains; the row counts
-- only if that record agrees. The columns up to `revocation_keys` are for queries and follow from `state`.
create table leases (
  slot            text collate "C" primary key,
  state           jsonb not null,
  record          text not null,
  status          text not null check (status in ('active', 'ending', 'ended', 'irrevocable')),
  holder          text not null,
  institution     text not null,
  role            text not null,
  database        text not null,
  people          text[] not null,
  revocation_keys text[] not null,
  issued_at       timestamptz not null,
  expires_at      timestamptz not null,
  -- Nothing below carries authority. The end that the database was told, and the next attempt to remove the credential.
  applied_until   timestamptz,
  attempts        integer not null default 0,
  due_at          timestamptz
);
create index leases_by_end on leases (expires_at) where status = 'active';
create index leases_by_removal on leases (due_at) where status in ('ending', 'irrevocable');
create index leases_by_holder on leases (holder);
create index leases_by_role on leases (role) where status <> 'ended';
create index leases_by_revocation_key on leases using gin (revocation_keys) where status = 'active';
create index leases_by_people on leases using gin (people) where status = 'active';
-- The last nonce of each key of a venue, which only rises.
create table venue_nonces (
  key   text collate "C" primary key,
  nonce bigint not null
);
