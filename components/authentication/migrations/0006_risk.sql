-- What is unusual about people. Each change has the next number, so that nodes read what they do not know yet.
create table person_signals (
  person text not null,
  name   text not null,
  -- Cleared: the moment of it.
  until  timestamptz not null,
  change bigint not null,
  primary key (person, name)
);
create unique index person_signals_by_change on person_signals (change);
create index person_signals_by_end on person_signals (until);

-- One row: the newest number. Whoever changes a signal holds it until the end of their transaction.
create table person_signal_changes (newest bigint not null);
insert into person_signal_changes (newest) values (0);

-- By what a person has signed in before, to know what is new. What it was is kept as a hash.
create table seen_sign_ins (
  person       text not null,
  kind         text not null check (kind in ('authenticator', 'place')),
  hash         bytea not null,
  last_seen_at timestamptz not null,
  primary key (person, kind, hash)
);
create index seen_sign_ins_by_age on seen_sign_ins (last_seen_at);

-- Where a person signed in last, as far as networks are known.
create table last_locations (
  person    text primary key,
  latitude  double precision not null,
  longitude double precision not null,
  seen_at   timestamptz not null
);
create index last_locations_by_age on last_locations (seen_at);

-- Attempts that showed who somebody is, and failed all the same.
create table failed_attempts (
  person   text primary key,
  began_at timestamptz not null,
  count    integer not null
);
create index failed_attempts_by_age on failed_attempts (began_at);
