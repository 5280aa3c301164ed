-- The authorization code flow. Request URIs, codes and the secrets of browsers are kept as SHA-256 only. Rows are
-- short-lived: each table has an index by the time from which a row is of no use, and is swept by it in slices.

-- Pushed authorization requests (RFC 9126). Consumed once, when somebody decides on one.
create table pushed_requests (
  uri_hash      bytea primary key,
  client        text not null,
  -- The checked parameters.
  parameters    jsonb not null,
  -- The record authorization.pushed.
  record_id     text not null,
  expires_at    timestamptz not null,
  consumed_at   timestamptz,
  -- Later than expires_at: a decision on a request that was taken up in time may come after it.
  removed_after timestamptz not null
);
create index pushed_requests_removal on pushed_requests (removed_after);
create index pushed_requests_outstanding on pushed_requests (client, expires_at) where consumed_at is null;

-- Ids of signed request objects that were used. The key is a hash over client and id.
create table request_objects (
  key        bytea primary key,
  expires_at timestamptz not null
);
create index request_objects_expiry on request_objects (expires_at);

-- A person's way through sign-in and consent, in one browser.
create table interactions (
  id_hash        bytea primary key,
  -- Of the secret in the browser's cookie: no other browser can go on with it.
  browser_hash   bytea not null,
  client         text not null,
  parameters     jsonb not null,
  -- The pushed request that it is about, and its record, if it was pushed.
  request_hash   bytea,
  request_record text,
  started_at     timestamptz not null,
  -- How it ended. A repetition is answered alike and decides nothing.
  outcome        text check (outcome in ('allowed', 'refused')),
  -- The error that the client was told, with its description.
  error          text,
  description    text,
  expires_at     timestamptz not null
);
create index interactions_expiry on interactions (expires_at);

create table authorization_codes (
  code_hash      bytea primary key,
  grant_id       text not null,
  client         text not null,
  redirect_uri   text not null,
  code_challenge text not null,
  dpop_jkt       text,
  nonce          text,
  session        text,
  resource       text,
  scopes         text[] not null,
  acr            text not null,
  amr            text[] not null,
  auth_time      bigint not null,
  expires_at     timestamptz not null,
  redeemed_at    timestamptz
);
create index authorization_codes_expiry on authorization_codes (expires_at);

-- Which clients signed somebody in within a session: they are told when it ends (Back-Channel Logout 1.0).
create table session_clients (
  session    text not null,
  client     text not null,
  subject    text not null,
  expires_at timestamptz not null,
  primary key (session, client)
);
create index session_clients_expiry on session_clients (expires_at);

-- Logout tokens that are still to be delivered, and when to try next.
create table logout_deliveries (
  session      text not null,
  client       text not null,
  subject      text not null,
  attempts     integer not null,
  next_attempt timestamptz not null,
  primary key (session, client)
);
create index logout_deliveries_due on logout_deliveries (next_attempt);

-- Up to where in the log ended sessions have been looked for. One row; a node that starts reads on from there.
create table logout_tail (
  only_row boolean primary key default true check (only_row),
  position bigint not null
);
insert into logout_tail (position) values (-1);
