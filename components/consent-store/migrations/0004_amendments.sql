-- What mandates are looked up by, beside the documents.
alter table mandates
  add column status          text collate "C",
  add column kind            text collate "C",
  add column effective_until timestamptz,
  -- When somebody has to look at it next: a notice is due, or its end. Null when it is over.
  add column look_at         timestamptz,
  -- The last notice of the present end: so many days before it.
  add column noticed_days    integer;

update mandates m
   set status = v.document ->> 'status',
       kind = v.document ->> 'kind',
       effective_until = (v.document ->> 'effectiveUntil')::timestamptz,
       look_at = case when v.document ->> 'status' = 'revoked' then null else '-infinity'::timestamptz end
  from mandate_versions v where v.id = m.id and v.version = m.version;

alter table mandates
  alter column status set not null,
  alter column kind set not null,
  alter column effective_until set not null;
create index mandates_to_look_at on mandates (look_at) where look_at is not null;

-- Whose a mandate is to see: who has a part in it, and who would have one by an amendment that waits.
create table mandate_parties (
  lei             text collate "C" not null,
  mandate_id      text not null,
  status          text collate "C" not null,
  kind            text collate "C" not null,
  effective_until timestamptz not null,
  primary key (lei, mandate_id)
);
create index mandate_parties_by_mandate on mandate_parties (mandate_id);
create index mandate_parties_by_status on mandate_parties (lei, status, mandate_id);
create index mandate_parties_by_kind on mandate_parties (lei, kind, mandate_id);
create index mandate_parties_by_end on mandate_parties (lei, status, effective_until);
insert into mandate_parties (lei, mandate_id, status, kind, effective_until)
  select p.lei, m.id, m.status, m.kind, m.effective_until
    from mandates m, lateral (values (m.grantor_lei), (m.grantee_lei)) as p (lei);

-- Who holds, or has held, a mandate cut from another, directly or further down: what the holder of one may do under
-- the name of another is found without walking through everything that was ever cut from it.
create table mandate_lines (
  ancestor_id text not null,
  grantee_lei text collate "C" not null,
  mandate_id  text not null,
  primary key (ancestor_id, grantee_lei, mandate_id)
);
create index mandate_lines_by_mandate on mandate_lines (mandate_id);
insert into mandate_lines (ancestor_id, grantee_lei, mandate_id)
  with recursive line (ancestor_id, grantee_lei, mandate_id) as (
    select parent_id, grantee_lei, id from mandates where parent_id is not null
    union
    select above.parent_id, line.grantee_lei, line.mandate_id
      from line join mandates above on above.id = line.ancestor_id
     where above.parent_id is not null)
  select ancestor_id, grantee_lei, mandate_id from line;

-- An amendment's idempotency key, per institution that proposes it.
create table amendments (
  institution_lei text collate "C" not null,
  idempotency_key text collate "C" not null,
  body_digest     text collate "C" not null,
  mandate_id      text not null,
  version         integer not null,
  primary key (institution_lei, idempotency_key)
);

-- What was just filled is known to the planner from the first query on.
analyze mandates, mandate_parties, mandate_lines;
