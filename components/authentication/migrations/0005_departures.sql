-- A person whom a sign-in method sent elsewhere: to the address for mutual TLS, or to the identity provider of their
-- institution. Each row is good once. What is in the address of the browser is kept as its hash.
create table departures (
  secret_hash bytea primary key,
  -- Of the sign-in that it belongs to.
  handle_hash bytea not null,
  -- Which way of which method.
  leg         text not null,
  -- With which the sign-in was left, and is come back to.
  challenge   text not null,
  -- What has to be known again then.
  details     jsonb not null,
  expires_at  timestamptz not null
);
create index departures_by_end on departures (expires_at);
