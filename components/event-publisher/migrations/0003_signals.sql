-- Streams of security events (Shared Signals Framework 1.0), and where each has got to in the log.
create table signal_streams (
  id                  text primary key,
  institution         text not null,
  -- Client that made it: the audience of its tokens, for as long as it is there.
  audience            text not null,
  description         text,
  method              text not null check (method in ('push', 'poll')),
  endpoint_url        text,
  -- What the receiver wants to be shown with each request; sealed.
  authorization_sealed bytea,
  events_requested    text[],
  status              text not null check (status in ('enabled', 'paused', 'disabled')),
  status_reason       text,
  -- Place in the log up to which everything is queued, or is not for this stream.
  position            bigint not null check (position >= -1),
  -- Counts changes of what the stream is to hold: what was read for an older one is not queued.
  revision            bigint not null default 0,
  created_at          timestamptz not null,
  record_id           text not null,
  verified_at         timestamptz,
  -- Of the event that is being pushed.
  attempts            integer not null default 0,
  next_attempt_at     timestamptz not null,
  failing_since       timestamptz,
  last_failure_at     timestamptz,
  last_failure        text,
  lease               bigint not null default 0,
  leased_until        timestamptz,
  check ((method = 'push') = (endpoint_url is not null))
);
create index signal_streams_of on signal_streams (institution);
create index signal_streams_due on signal_streams (next_attempt_at) where method = 'push' and status = 'enabled';

-- Subjects that a receiver has taken out of its stream, by the digest of their canonical form.
create table signal_exclusions (
  stream  text not null references signal_streams (id) on delete cascade,
  digest  text not null,
  subject jsonb not null,
  primary key (stream, digest)
);

-- What has been read from the log for a stream, and is not the receiver's yet: never more than a few hundred.
create table signal_queue (
  stream  text not null references signal_streams (id) on delete cascade,
  place   bigint generated always as identity,
  jti     text not null,
  -- Claims of the token, but for those that all of the stream's have. Signed when it is sent.
  claims  jsonb not null,
  primary key (stream, place),
  unique (stream, jti)
);
