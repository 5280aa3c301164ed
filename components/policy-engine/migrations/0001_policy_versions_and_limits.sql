create table policy_versions (
  version      integer primary key,
  hash         text not null,
  published_at timestamptz not null,
  record_id    text not null,
  schema_text  text not null,
  policies     jsonb not null
);

-- What has been used of a window. One row per key and day; the condition in the update is what keeps the limit.
create table limit_usage (
  key        text not null,
  day        text not null,
  ccy        text not null,
  used       numeric not null check (used >= 0),
  primary key (key, day)
);

create table limit_reservations (
  reservation text not null,
  key         text not null,
  day         text not null,
  amount      numeric not null check (amount >= 0),
  released    boolean not null default false,
  primary key (reservation, key)
);
