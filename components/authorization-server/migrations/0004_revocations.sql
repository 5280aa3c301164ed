-- Access tokens of interfaces that take references: what the client holds is the preimage of the key. Kept by region: a node resolves
-- those of its own region and no other.
create table opaque_tokens (
  token_hash   bytea not null,
  region       text not null,
  -- The signed access token that the reference stands for; verified again each time it is resolved.
  access_token text not null,
  expires_at   timestamptz not null,
  primary key (region, token_hash)
);
create index opaque_tokens_expiry on opaque_tokens (expires_at);

-- Up to where in the log revocations have nothing left to end. One row; a node that starts reads on from there.
create table revocation_tail (
  only_row   boolean primary key default true check (only_row),
  position   bigint not null,
  updated_at timestamptz not null default now()
);
insert into revocation_tail (position) values (-1);
