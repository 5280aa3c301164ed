-- Lost factors, from their report to their replacement.
create table recoveries (
  id                text collate "C" primary key,
  person            text not null,
  institution       text not null,
  status            text not null check (status in ('waiting', 'approved', 'ended', 'invited', 'completed', 'refused', 'cancelled', 'expired')),
  opened_by         text not null,
  opened_at         timestamptz not null,
  expires_at        timestamptz not null,
  reason            text not null,
  evidence          jsonb not null,
  -- Over person, reason and evidence: what approvers sign.
  digest            text not null,
  record_id         text not null,
  -- Records that are still to come have their ids already: whoever dies on the way writes them once.
  ended_record      text not null,
  completion_record text not null,
  expiry_record     text not null,
  authenticators    integer not null default 0,
  sessions          integer not null default 0,
  invitations       integer not null default 0,
  invited_at        timestamptz,
  cooling_off_until timestamptz,
  -- When it may be taken up: while somebody is at it, the moment until which they have it.
  next_attempt      timestamptz not null,
  claim             text,
  settled_at        timestamptz
);
-- One stands for each person.
create unique index recoveries_standing on recoveries (person) where status in ('waiting', 'approved', 'ended', 'invited');
create index recoveries_due on recoveries (next_attempt) where status in ('waiting', 'approved', 'ended', 'invited');
create index recoveries_of_institution on recoveries (institution, id);
create index recoveries_settled on recoveries (settled_at) where settled_at is not null;

-- One for each function that is asked, each by another person.
create table approvals (
  recovery    text collate "C" not null references recoveries (id) on delete cascade,
  function    text not null,
  by_person   text not null,
  at          timestamptz not null,
  record_id   text not null,
  primary key (recovery, function),
  unique (recovery, by_person)
);

-- What people said on the public page. A row is written whoever was named, known or not, so that it takes as long.
create table requests (
  person   text primary key,
  known    boolean not null,
  first_at timestamptz not null,
  last_at  timestamptz not null,
  times    integer not null
);
create index requests_by_age on requests (last_at);
create index requests_of_strangers on requests (last_at) where not known;
