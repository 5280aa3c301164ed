-- Declared emergencies, with the access that each gave.
create table incidents (
  id             text collate "C" primary key,
  status         text not null check (status in ('declared', 'granted', 'reviewed', 'overdue', 'lapsed')),
  holder         text not null,
  institution    text not null,
  reason         text not null,
  reference      text not null,
  resource       text not null,
  scopes         text[] not null,
  jkt            text not null,
  declared_at    timestamptz not null,
  second_before  timestamptz not null,
  record_id      text not null,
  -- How the first holder signed: the access says so.
  acr            text not null,
  signed_at      timestamptz not null,
  second         text,
  granted_at     timestamptz,
  granted_record text,
  ends_at        timestamptz,
  -- The newest, and how many there were: each ends the one before.
  token          text,
  collections    integer not null default 0,
  review_due_at  timestamptz,
  reminded       boolean not null default false,
  reviewed_by    text,
  reviewed_at    timestamptz,
  verdict        text check (verdict in ('justified', 'not-justified')),
  note           text,
  -- The record that ends it without a person has its id already: whoever dies on the way writes it once.
  end_record     text not null,
  next_attempt   timestamptz not null
);
create index incidents_due on incidents (next_attempt) where status in ('declared', 'granted');
create index incidents_of_institution on incidents (institution, id);
-- What has not been reviewed, by either holder.
create index incidents_unreviewed on incidents (holder, second) where status in ('declared', 'granted', 'overdue');
