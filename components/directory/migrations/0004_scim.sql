-- What SCIM (RFC 7643) knows of an entity beside its document. Defaults fill all of it, so that a node of the release
-- before writes entities as it did.
alter table entities
  -- The id by which SCIM names it: made with the row and gone with it, so that nobody else ever has it.
  add column scim_id uuid not null default gen_random_uuid(),
  -- By which the institution's own system knows it.
  add column external_id text,
  -- How often external_id has changed; with version, which counts changes of the document, it is the resource's version.
  add column revision integer not null default 0,
  add column created_at timestamptz not null default now(),
  add column changed_at timestamptz not null default now(),
  -- Deleted by SCIM and still here, because others name it: the version it was left in. Any later change brings it back.
  add column scim_deleted_version integer;
create unique index entities_by_scim_id on entities (scim_id);
create index entities_of_institution on entities (institution, kind);
create index people_of_desk on entities (institution, (document->>'desk')) where kind = 'person';
create index entities_by_external_id on entities (institution, external_id) where external_id is not null;
