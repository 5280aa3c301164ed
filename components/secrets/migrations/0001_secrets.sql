-- Encrypted values by the SHA-256 of their ciphertext, which a record names. Rows are inserted and removed, never changed. Without its
-- key a value is destroyed.
create table materials (
  digest     text collate "C" primary key,
  ciphertext bytea not null,
  sealed_key bytea not null,
  made_at    timestamptz not null
);
-- One lease for each holder and role. `state` is what the newest record about it contains; the row counts only if that record agrees. The
-- columns for queries are generated from it, so that nobody can hide a lease from its end by writing one of them.
create table leases (
  slot          text collate "C" primary key,
  state         jsonb not null,
  record        text not null,
  status        text not null generated always as (state ->> 'status') stored,
  holder        text not null generated always as (state ->> 'holder') stored,
  institution   text not null generated always as (state ->> 'institution') stored,
  role          text not null generated always as (state ->> 'role') stored,
  -- RFC 3339 in UTC with milliseconds, which sorts as text.
  issued_at     text collate "C" not null generated always as (state ->> 'issued_at') stored,
  expires_at    text collate "C" not null generated always as (state ->> 'expires_at') stored,
  -- Nothing below carries authority. The end that the leased database has, and the next attempt to remove the credential.
  applied_until text,
  attempts      integer not null default 0,
  due_at        timestamptz
);
create index leases_by_end on leases (expires_at) where status = 'active';
create index leases_by_removal on leases (due_at) where status in ('ending', 'irrevocable');
create index leases_by_holder on leases (holder);
create index leases_by_role on leases (role) where status <> 'ended';
create index leases_by_revocation_key on leases using gin ((state -> 'revocation_keys')) where status = 'active';
create index leases_by_people on leases using gin ((state -> 'people')) where status = 'active';
-- The last nonce of each key of a venue, which only rises.
create table venue_nonces (
  key   text collate "C" primary key,
  nonce bigint not null
);
