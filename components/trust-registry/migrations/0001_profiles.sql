-- One row for each issuer: its lock puts registrations of one issuer in a line, and it never changes hands.
create table issuers (
  issuer      text primary key,
  profile_id  text not null unique,
  -- LEI
  institution text not null
);

-- Versions are inserted and never changed.
create table profile_versions (
  profile_id  text not null references issuers (profile_id),
  version     integer not null,
  -- The profile without id, version and record.
  profile     jsonb not null,
  record_id   text not null,
  recorded_at timestamptz not null,
  primary key (profile_id, version)
);
