-- Keys of the issuing authorities and of the OCSP responder. Rows are inserted, never changed: the times give a key's state.
create table signing_keys (
  purpose      text not null,
  generation   integer not null,
  kid          text not null unique,
  algorithm    text not null,
  public_jwk   jsonb not null,
  sealed_key   bytea not null,
  published_at timestamptz not null,
  activates_at timestamptz not null,
  withdraws    text,
  primary key (purpose, generation)
);
-- Issued certificates. `state` is what the newest record about the certificate contains; the row counts only if that record agrees.
-- The other columns are for queries and follow from `state`.
create table certificates (
  serial      text collate "C" primary key,
  state       jsonb not null,
  record      text not null,
  holder      text not null,
  institution text not null,
  profile     text not null,
  status      text not null check (status in ('valid', 'revoked')),
  not_after   timestamptz not null,
  issued_at   timestamptz not null,
  -- The authority's signature over the to-be-signed certificate in `state`; absent until it was made.
  signature   bytea
);
create index certificates_by_time on certificates (issued_at desc, serial);
create index certificates_of_holder on certificates (holder, issued_at desc);
-- The newest revocation list of each shard. The record of its signature has its digest.
create table revocation_lists (
  authority   text not null,
  shard       integer not null,
  number      numeric(20) not null,
  list        bytea not null,
  next_update timestamptz not null,
  primary key (authority, shard)
);
