-- Ids whose holder has been removed. Records name their holder by them, so an id is never given to anybody else.
-- Rows are never deleted.
create table retired_ids (
  kind        text not null,
  id          text not null,
  -- LEI of the institution that had it; unknown of principals that left before this was kept.
  institution text,
  retired_at  timestamptz not null default now(),
  primary key (kind, id)
);

-- Principals that have left already. One who is in the directory again, active, keeps the id.
insert into retired_ids (kind, id, institution, retired_at)
select split_part(principal, ':', 1), principal, min(institution), max(started_at)
  from departures
 where kind = 'leave'
   and not exists (select from entities
                    where entities.id = departures.principal
                      and entities.kind = split_part(departures.principal, ':', 1)
                      and (document->>'active' is distinct from 'false' or document->'roles' <> '[]'::jsonb
                           or document ? 'desk'))
 group by principal
on conflict do nothing;
