-- Every version a mandate ever had. Rows are inserted, never changed.
create table mandate_versions (
  id          text not null,
  version     integer not null check (version >= 1),
  document    jsonb not null,
  digest      text not null,
  record_id   text not null unique,
  recorded_at timestamptz not null,
  primary key (id, version)
);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'versions of a mandate are never changed or removed';
end
$$;
create trigger mandate_versions_are_kept before update or delete or truncate on mandate_versions
  for each statement execute function refuse_change();

-- The newest version of each mandate, and the row that is locked while the next one is made.
create table mandates (
  id          text primary key,
  version     integer not null,
  grantor_lei text not null,
  grantee_lei text not null,
  -- Place in the order of commits; readers ask for what came after the place they know.
  change      bigint not null unique,
  foreign key (id, version) references mandate_versions (id, version)
);
create index mandates_of_grantor on mandates (grantor_lei, id);
create index mandates_of_grantee on mandates (grantee_lei, id);

-- One row. A sequence would hand out places in an order that commits need not keep, and a reader would miss some.
create table changes (
  only_row boolean primary key default true check (only_row),
  newest   bigint not null
);
insert into changes (newest) values (0);

-- A proposal's idempotency key, per institution that grants.
create table proposals (
  grantor_lei     text not null,
  idempotency_key text not null,
  body_digest     text not null,
  mandate_id      text not null,
  primary key (grantor_lei, idempotency_key)
);
