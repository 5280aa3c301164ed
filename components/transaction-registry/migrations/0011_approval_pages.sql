-- An approval may be signed by a person's authenticator: it falls with that.
alter table approvals add column authenticator text;

-- What waits for people: `role@LEI` of the approvals that are wanted in the state it is in, as far as that is known, and
-- until when. Few transactions wait for anybody, and only those are in the index.
alter table transactions
  add column approvals_awaited       text[],
  add column approvals_awaited_until timestamptz;

create index transactions_awaiting on transactions using gin (approvals_awaited)
  where approvals_awaited is not null and not ended;
create index transactions_awaiting_until on transactions (approvals_awaited_until)
  where approvals_awaited is not null and not ended;

-- Who would not approve, and why: the first word of each.
create table approval_declines (
  transaction_id text not null references transactions (id),
  approver       text not null,
  institution    text not null,
  reason         text not null,
  declined_at    timestamptz not null,
  record_id      text not null unique,
  primary key (transaction_id, approver)
);

-- What an approver has looked at, so that they are told what is different when they look again, at this transaction or
-- at another that is about the same. What it said follows from the transaction; of the rest the codes are kept.
create table approval_looks (
  approver       text not null,
  transaction_id text not null references transactions (id),
  -- Names what it is about: another intent for the same order, allocation or instruction has the same.
  about          text not null,
  first_at       timestamptz not null,
  last_at        timestamptz not null,
  warnings       text[] not null,
  primary key (approver, transaction_id)
);
create index approval_looks_about on approval_looks (approver, about, first_at);
