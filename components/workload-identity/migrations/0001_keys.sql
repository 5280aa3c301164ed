-- Keys of JWT-SVIDs. Rows are inserted, never changed: the times give a key's state. Registration entries exist as records only.
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
