-- One row per intent; locked while anything about the transaction is decided.
create table transactions (
  id                    text primary key,
  client                text not null,
  idempotency_key       text not null,
  -- The authorization detail as it was asked for; the intent is part of it.
  detail                jsonb not null,
  intent_digest         text not null,
  initiator             text not null,
  initiator_institution text not null,
  mandate_id            text not null,
  mandate_version       integer not null,
  mandate_record_id     text not null,
  state                 text not null check (state in ('intended', 'submitted', 'executed', 'cleared', 'settled', 'cancelled')),
  -- How many transitions there have been.
  version               integer not null check (version >= 0),
  -- The record that says how it came to be in this state.
  last_record_id        text not null,
  opened_record_id      text not null,
  opened_at             timestamptz not null,
  unique (client, idempotency_key)
);

-- Who may see it: the institution that began it and every party the intent names.
create table transaction_parties (
  transaction_id text not null references transactions (id),
  lei            text not null,
  primary key (lei, transaction_id)
);

-- What happened, in order. Keys are an institution's own: no party can use up another's.
create table transitions (
  transaction_id  text not null references transactions (id),
  version         integer not null,
  event           text not null,
  to_state        text not null,
  institution     text not null,
  idempotency_key text not null,
  body_digest     text not null,
  body            jsonb not null,
  record_id       text not null unique,
  recorded_at     timestamptz not null,
  primary key (transaction_id, version),
  unique (transaction_id, institution, idempotency_key)
);

create table approvals (
  id             text primary key,
  transaction_id text not null references transactions (id),
  approver       text not null,
  role           text not null,
  institution    text not null,
  -- The key that signed: an approval falls with it.
  kid            text not null,
  token_id       text not null,
  intent_digest  text not null,
  expires_at     timestamptz not null,
  record_id      text not null unique,
  unique (transaction_id, approver, token_id)
);

create table exceptions (
  id             text primary key,
  transaction_id text not null references transactions (id),
  event          text not null,
  reason         text not null,
  detail         text not null,
  status         text not null check (status in ('open', 'resolved')),
  raised_at      timestamptz not null,
  record_id      text not null unique
);
-- A second try meets the exception that stands; it does not raise another.
create unique index one_open_exception on exceptions (transaction_id, event) where status = 'open';
create index exceptions_by_age on exceptions (raised_at, id);
