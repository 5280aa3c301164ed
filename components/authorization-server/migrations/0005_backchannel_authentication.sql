-- Client-Initiated Backchannel Authentication (CIBA Core 1.0, FAPI-CIBA): what clients ask people on their own devices. An
-- auth_req_id is kept as SHA-256 only. Rows are found by key or by an index over what is open, and swept in slices.
create table backchannel_requests (
  id_hash         bytea primary key,
  client          text not null,
  -- Who is asked; nobody else sees it.
  person          text not null,
  -- What is asked for, as the client wrote it: checked anew when the person decides.
  scopes          text[] not null,
  resource        text,
  details         jsonb,
  acr_values      text[] not null,
  binding_message text,
  -- The key or certificate that the client showed with its request, where it did: only its holder redeems.
  jkt             text,
  certificate     text,
  -- The record backchannel.requested.
  record_id       text not null,
  requested_at    timestamptz not null,
  expires_at      timestamptz not null,
  -- Seconds between two polls, and when the next one may come. polled_early: whether the last one came too soon.
  poll_interval   integer not null,
  next_poll       timestamptz not null,
  polled_early    boolean not null default false,
  outcome         text check (outcome in ('allowed', 'denied')),
  decided_at      timestamptz,
  grant_id        text check (grant_id is null or outcome = 'allowed'),
  redeemed_at     timestamptz check (redeemed_at is null or outcome = 'allowed'),
  -- For clients that are pinged: auth_req_id and notification token, encrypted, until the ping is through; when to try next.
  ping            bytea,
  ping_at         timestamptz,
  ping_attempts   integer not null default 0,
  -- Later than expires_at: what is asked anew is shown beside what was asked before.
  removed_after   timestamptz not null
) with (fillfactor = 80);
create index backchannel_requests_removal on backchannel_requests (removed_after);
create index backchannel_requests_open_of_person on backchannel_requests (person, expires_at) where outcome is null;
create index backchannel_requests_open_of_client on backchannel_requests (client, expires_at) where outcome is null;
create index backchannel_requests_earlier on backchannel_requests (person, client, requested_at);
create index backchannel_requests_pings on backchannel_requests (ping_at) where ping_at is not null;
