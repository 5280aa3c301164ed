-- What is counted together, within one limit. Reservations of one counter queue at its row.
create table limit_counters (
  id       bigint generated always as identity primary key,
  limit_id text not null,
  key      text not null,
  measure  text not null check (measure in ('notional', 'quantity')),
  unit     text not null,
  unique (limit_id, key, measure, unit)
);

-- How much of a counter was taken in a stretch of time, from `starts` up to but not including `ends` (milliseconds since
-- the epoch). No limit asks for it after `expires_at`.
create table limit_sums (
  counter    bigint not null references limit_counters (id),
  starts     bigint not null,
  ends       bigint not null,
  amount     numeric not null check (amount >= 0),
  expires_at bigint not null,
  primary key (counter, ends, starts)
);
create index limit_sums_by_expiry on limit_sums (expires_at);

-- Who holds what. `reserved` and `reopened` count, and wait for what became of the order; `committed` counts; `released`
-- does not. `attempt` rises each time it is asked for, so that nobody settles what has been asked for since.
create table limit_holds (
  reservation text primary key,
  state       text not null check (state in ('reserved', 'reopened', 'committed', 'released')),
  attempt     integer not null,
  touched_at  bigint not null,
  readings    json not null,
  expires_at  bigint not null
);
create index limit_holds_to_settle on limit_holds (touched_at, reservation) where state in ('reserved', 'reopened');
create index limit_holds_by_expiry on limit_holds (expires_at) where state in ('committed', 'released');

-- What a hold has added to the sums, to be taken out again. None for a released one.
create table limit_amounts (
  reservation text not null references limit_holds (reservation) on delete cascade,
  counter     bigint not null references limit_counters (id),
  starts      bigint not null,
  ends        bigint not null,
  amount      numeric not null check (amount >= 0),
  primary key (reservation, counter)
);

-- What has been counted under the mandates since yesterday goes on counting. Each is settled anew by what became of its
-- transaction: those that a process left behind when it died are given back.
insert into limit_counters (limit_id, key, measure, unit)
select distinct 'mandate_notional_per_day', key, 'notional', ccy
  from limit_usage where day >= to_char((now() at time zone 'UTC') - interval '1 day', 'YYYY-MM-DD');

insert into limit_holds (reservation, state, attempt, touched_at, readings, expires_at)
select substr(held.reservation, 13), 'reserved', 1, 0, '[]', (extract(epoch from now()) * 1000)::bigint + 2 * 86400000
  from limit_reservations held join limit_usage used using (key, day)
 where not held.released and held.reservation like 'transaction:%'
   and held.day >= to_char((now() at time zone 'UTC') - interval '1 day', 'YYYY-MM-DD')
 group by held.reservation;

insert into limit_amounts (reservation, counter, starts, ends, amount)
select substr(held.reservation, 13), counters.id, days.starts, days.starts + 86400000, held.amount
  from limit_reservations held
  join limit_usage used using (key, day)
  join limit_counters counters on counters.key = held.key and counters.unit = used.ccy
  cross join lateral (select (extract(epoch from (held.day || 'T00:00:00Z')::timestamptz) * 1000)::bigint as starts) days
 where not held.released and held.reservation like 'transaction:%'
   and held.day >= to_char((now() at time zone 'UTC') - interval '1 day', 'YYYY-MM-DD');

insert into limit_sums (counter, starts, ends, amount, expires_at)
select counter, starts, ends, sum(amount), ends from limit_amounts group by counter, starts, ends;
