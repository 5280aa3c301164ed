-- Principals that leave or move, until everything they held has ended.
create table departures (
  id                text primary key,
  -- One principal's departures take effect one after another.
  serial            bigint generated always as identity,
  kind              text not null check (kind in ('leave', 'move')),
  principal         text not null,
  started_at        timestamptz not null,
  -- Who did it, as records name them.
  started_by        jsonb not null,
  reason            text not null,
  record_id         text not null,
  -- Chosen beforehand: however often its completion is recorded, it is one record.
  completion_record text not null,
  status            text not null default 'in-progress' check (status in ('in-progress', 'completed')),
  attempts          integer not null default 0,
  -- When it may be taken up: while somebody is at it, the moment until which they have it.
  next_attempt      timestamptz not null,
  -- Who has it.
  claim             text
);
create index departures_due on departures (next_attempt) where status = 'in-progress';
create index departures_of_principal on departures (principal, serial);

-- What ends with a departure, in the order in which it does.
create table departure_effects (
  departure    text not null references departures (id) on delete cascade,
  position     integer not null,
  name         text not null,
  status       text not null default 'pending' check (status in ('pending', 'done')),
  ended        integer,
  last_failure text,
  primary key (departure, position)
);

-- A node reads on from the version it has.
create index entities_by_version on entities (version);
