-- How much of an executed trade each allocation, clearing submission and settlement has taken. Rows are written under the lock
-- of the trade. What was cancelled, rejected or reported as failed by the other end no longer counts: see store/trades.ts.
create table trade_uses (
  trade_id       text not null references transactions (id),
  transaction_id text not null references transactions (id),
  kind           text not null check (kind in ('allocation', 'clearing', 'settlement')),
  -- A currency, a DTI, or 'units' of the instrument.
  unit           text not null,
  amount         numeric not null check (amount > 0),
  primary key (trade_id, transaction_id)
);
create index trade_uses_of on trade_uses (transaction_id);

-- Entries of the address book that settlements may go to.
create index transactions_address_book on transactions (initiator_institution, destination_key)
  where destination_key is not null and state = 'active';
