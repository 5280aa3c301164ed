-- Enrolments: one-time secrets for certificates, and the ACME accounts that they become. `state` is what the newest record contains;
-- the row counts only if that record agrees. The other columns are for queries and follow from `state`. The secret is not stored.
create table enrolments (
  id          text collate "C" primary key,
  state       jsonb not null,
  record      text not null,
  holder      text not null,
  institution text not null,
  profile     text not null,
  account_key text unique,
  made_at     timestamptz not null
);
create index enrolments_by_time on enrolments (made_at desc, id);
-- Orders of ACME accounts. They carry no authority: each is compared with the enrolment when it is finalized.
create table acme_orders (
  id          text collate "C" primary key,
  enrolment   text collate "C" not null,
  identifiers jsonb not null,
  serial      text not null unique,
  replaces    text,
  created_at  timestamptz not null,
  expires_at  timestamptz not null
);
create index acme_orders_of_enrolment on acme_orders (enrolment, created_at desc);
create index acme_orders_by_end on acme_orders (expires_at);
-- Used nonces until their end, and up to which end used ones were removed: a node whose clock ran ahead removes too early.
create table single_use (
  key        bytea primary key,
  expires_at timestamptz not null
);
create index single_use_expiry on single_use (expires_at);
create table forgotten_claims (
  claims  text primary key check (claims = 'single_use'),
  through timestamptz not null
);

-- Volatile: in a statement that inserts a claim it sees the mark as it is once the row is there.
create function forgotten_through(of_claims text) returns timestamptz
language sql volatile set search_path from current as $$
  select coalesce((select through from forgotten_claims where claims = of_claims), '-infinity'::timestamptz)
$$;
