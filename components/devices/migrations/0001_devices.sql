-- By what a device shows that it is that device. Those that were removed stay: signatures of before rest on them.
create table credentials (
  id          bigint generated always as identity primary key,
  device      text collate "C" not null,
  institution text not null,
  kind        text not null check (kind in ('certificate', 'key')),
  -- Of the certificate (x5t#S256), or of the key (RFC 7638).
  thumbprint  text not null,
  -- Of a key.
  jwk         jsonb check ((jwk is not null) = (kind = 'key')),
  enrolled_at timestamptz not null,
  record_id   text not null,
  removed_at  timestamptz
);
-- One thing shows one device.
create unique index credentials_in_use on credentials (kind, thumbprint) where removed_at is null;
create index credentials_by_device on credentials (device) where removed_at is null;

-- A link by which a browser enrols as a device. The code stands in its address; only its hash is kept.
create table enrolments (
  code_hash   bytea primary key,
  -- One at a time: a new link ends the one before.
  device      text collate "C" not null unique,
  institution text not null,
  opened_by   jsonb not null,
  record_id   text not null,
  expires_at  timestamptz not null
);
create index enrolments_by_end on enrolments (expires_at);

-- What was last reported of a device.
create table postures (
  device      text collate "C" primary key,
  -- Of the feed: a device that has gone to another firm is not known by what the first one said.
  institution text not null,
  posture     text not null check (posture in ('compliant', 'failing')),
  posture_at  timestamptz not null,
  failed      text[] not null,
  source      text not null,
  -- Grows in the order of commits.
  change      bigint not null
);
create unique index postures_by_change on postures (change);
create table changes (
  one    boolean primary key default true check (one),
  newest bigint not null
);
insert into changes (newest) values (0);

-- Up to where a feed has been read: nothing older is taken from it, and nothing twice.
create table feeds (
  name      text primary key,
  issued_at timestamptz not null
);

-- Makes challenges that every node knows again. Whoever reads it can make challenges and sign none of them.
create table challenge_key (
  one    boolean primary key default true check (one),
  secret bytea not null
);
