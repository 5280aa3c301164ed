-- Keys that sign tokens. Rows are inserted, never changed: what state a key is in follows from its times.
create table signing_keys (
  purpose      text not null,
  generation   integer not null,
  kid          text not null unique,
  algorithm    text not null,
  public_jwk   jsonb not null,
  sealed_key   bytea not null,
  published_at timestamptz not null,
  activates_at timestamptz not null,
  primary key (purpose, generation)
);

-- Assertions and proofs that were used. The key is a hash over purpose, issuer and id; expired rows are removed.
create table single_use (
  key        bytea primary key,
  expires_at timestamptz not null
);
create index single_use_expiry on single_use (expires_at);
