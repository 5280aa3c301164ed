-- Every version of every grant: what a person has allowed a client. Rows are inserted, never changed.
create table grant_versions (
  id          text collate "C" not null,
  version     integer not null check (version >= 1),
  document    jsonb not null,
  record_id   text not null unique,
  recorded_at timestamptz not null,
  primary key (id, version)
);

create function refuse_grant_change() returns trigger language plpgsql as $$
begin
  raise exception 'versions of a grant are never changed or removed';
end
$$;
create trigger grant_versions_are_kept before update or delete or truncate on grant_versions
  for each statement execute function refuse_grant_change();

-- The newest version of each grant, with what it is looked up by, and the row that is locked while the next is made.
create table grants (
  id          text collate "C" primary key,
  version     integer not null,
  status      text collate "C" not null check (status in ('active', 'revoked')),
  client      text collate "C" not null,
  subject     text collate "C" not null,
  institution text collate "C" not null,
  expires_at  timestamptz not null,
  foreign key (id, version) references grant_versions (id, version)
);
-- Pages, oldest first. Grants that have ended stay, so the status comes before the place in the page: however many
-- have ended, a page of those that stand reads no more rows than it shows.
create index grants_of_client on grants (client, status, id);
create index grants_of_subject on grants (subject, status, id);
create index grants_of_client_and_subject on grants (client, subject, status, id);
create index grants_of_institution on grants (institution, status, id);
create index grants_of_institution_and_client on grants (institution, client, status, id);
create index grants_by_status on grants (status, id);
-- What is still to be ended when a client, a person or an institution leaves: not what time has ended before.
create index standing_grants_of_client on grants (client, expires_at, id) where status = 'active';
create index standing_grants_of_subject on grants (subject, expires_at, id) where status = 'active';
create index standing_grants_of_institution on grants (institution, expires_at, id) where status = 'active';

-- What was cut from a mandate is found without reading every mandate.
alter table mandates add column parent_id text;
update mandates m set parent_id = v.document #>> '{parent,id}'
  from mandate_versions v where v.id = m.id and v.version = m.version;
create index mandates_by_parent on mandates (parent_id) where parent_id is not null;
