-- Every kind of intent has its life; which states there are is written down with them.
alter table transactions
  drop constraint transactions_state_check,
  -- Nothing can follow: the state is final in its life.
  add column ended                boolean not null default false,
  -- Someone is waited for until then; what they are waited for follows from the state.
  add column awaited_until        timestamptz,
  -- Version at which an exception has told that they were not heard of in time.
  add column overdue_version      integer,
  -- Where it sends: names the receiving end, and nothing of the amount.
  add column destination_key      text,
  -- Of the address as it was when it was asked for; compared when it is released.
  add column destination_digest   text,
  -- Who has taken it on since whoever began it has gone.
  add column carried_by           text;

update transactions set ended = true where state in ('settled', 'cancelled');

create index transactions_awaited on transactions (awaited_until) where awaited_until is not null and overdue_version is null;
create index transactions_open_by_initiator on transactions (coalesce(carried_by, initiator), id) where not ended;
create index transactions_by_destination on transactions (initiator_institution, destination_key)
  where destination_key is not null and ended;
create index transaction_parties_of on transaction_parties (transaction_id);

alter table transitions add column late boolean not null default false;

-- An instruction is good for one transaction.
create table instruction_uses (
  mandate_id     text primary key,
  transaction_id text not null references transactions (id)
);

alter table exceptions
  add column cause             text not null default 'mandate'
    check (cause in ('mandate', 'entitlement', 'approval', 'partner-timeout', 'mismatch', 'departure')),
  add column owner             text,
  add column due_at            timestamptz,
  -- Set once, when it was said that it is overdue.
  add column overdue_at        timestamptz,
  add column overdue_record_id text,
  -- What was said when it was raised: a mismatch that was accepted is not raised again for the same words.
  add column body_digest       text,
  add column raised_version    integer,
  add column resolution        jsonb;

-- Those raised before have four hours from then on, like any other.
update exceptions e
   set owner = t.initiator_institution, due_at = e.raised_at + interval '4 hours', raised_version = t.version
  from transactions t
 where t.id = e.transaction_id;

alter table exceptions
  alter column owner set not null,
  alter column due_at set not null,
  alter column raised_version set not null,
  add constraint resolution_is_kept check ((status = 'resolved') = (resolution is not null));

-- One for each cause and event: a second try meets the exception that stands.
drop index one_open_exception;
create unique index one_open_exception on exceptions (transaction_id, event, cause) where status = 'open';
create index exceptions_open_by_due on exceptions (due_at) where status = 'open' and overdue_at is null;
create index exceptions_of on exceptions (transaction_id);
create index exceptions_by_owner on exceptions (owner, raised_at);
