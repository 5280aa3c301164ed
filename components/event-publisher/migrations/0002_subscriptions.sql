-- Where institutions have their events sent.
create table subscriptions (
  id                text primary key,
  institution       text not null,
  url               text not null,
  topics            text[] not null,
  status            text not null check (status in ('active', 'suspended')),
  -- Place in the log up to which everything has been delivered, or is not theirs.
  position          bigint not null check (position >= -1),
  created_at        timestamptz not null,
  record_id         text not null,
  -- Of the event that is being delivered.
  attempts          integer not null default 0,
  next_attempt_at   timestamptz not null,
  -- When the present run of failures began.
  failing_since     timestamptz,
  last_failure_at   timestamptz,
  last_failure      text,
  -- Whoever delivers holds the lease: a number that no other holder ever had, and until when.
  lease             bigint not null default 0,
  leased_until      timestamptz
);
create unique index subscriptions_once on subscriptions (institution, url, topics);
create index subscriptions_due on subscriptions (next_attempt_at) where status = 'active';
