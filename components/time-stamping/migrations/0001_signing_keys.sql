-- Keys that sign time stamps. Rows are inserted, never changed: what state a key is in follows from its times.
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
