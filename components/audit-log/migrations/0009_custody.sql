-- What may go, and how. The component's role inserts and reads; these two functions remove for it what a record of the log
-- names, in the transaction that writes the record: what is gone and what the log says is gone are never apart. Two people
-- have agreed on it, and their record says so (docs/adr/0032).

-- Bodies go by a pruning, and are never changed. Who may more than the role is stopped as well, unless it has said upon which
-- record.
do $$
declare shard regclass;
begin
  for shard in select inhrelid::regclass from pg_inherits where inhparent = 'bodies'::regclass union all select 'bodies'::regclass loop
    execute format('drop trigger bodies_are_kept on %s', shard);
    execute format('create trigger bodies_are_unchanged before update on %s for each statement execute function refuse_change()', shard);
    execute format('create trigger bodies_are_kept before delete on %s for each statement execute function refuse_unordered_change()', shard);
  end loop;
  for shard in select inhrelid::regclass from pg_inherits where inhparent = 'bodies'::regclass loop
    execute format('create trigger bodies_are_not_emptied before truncate on %s for each statement execute function refuse_change()', shard);
  end loop;
end
$$;
-- Nobody destroys what is under the evidence of its destruction: not by any order.
create function refuse_custody() returns trigger language plpgsql as $$
begin
  raise exception 'what became of the evidence is kept';
end
$$;
create trigger custody_is_kept before delete on bodies_custody for each row execute function refuse_custody();

-- The record at a place, if it is of this type and this transaction has just written it.
create function record_just_written(at bigint, of_type text) returns jsonb
language plpgsql stable set search_path from current as $$
declare said jsonb;
begin
  select convert_from(bodies.body, 'UTF8')::jsonb into said
    from entries join bodies on bodies.class = 'custody' and bodies.index = entries.index
   where entries.index = at and entries.type = of_type and entries.xmin = pg_current_xact_id()::xid;
  if said is null then
    raise exception 'there is no % that this transaction has written at %', of_type, at using errcode = 'CU002';
  end if;
  return said;
end
$$;

-- What the record says allows it, if that is a record of this type.
create function authority_of(said jsonb, of_type text) returns jsonb
language plpgsql stable set search_path from current as $$
declare allowed jsonb;
begin
  select convert_from(bodies.body, 'UTF8')::jsonb into allowed
    from entries join bodies on bodies.class = 'custody' and bodies.index = entries.index
   where entries.record_id = said -> 'references' ->> 0 and entries.type = of_type;
  if allowed is null then
    raise exception 'no % allows this', of_type using errcode = 'CU002';
  end if;
  -- Whoever judged what may go has not seen what came after: they judge again.
  if exists (
    select from entries
     where type in ('hold.placed', 'retention.changed') and index > (said -> 'data' ->> 'as_of')::bigint
  ) then
    raise exception 'a hold or a schedule came after what was judged by' using errcode = 'CU001';
  end if;
  return allowed;
end
$$;

-- Removes the bodies that the log.pruned at this place lists, with what is kept beside them.
create function prune_bodies(at bigint, values_key text[], values_record text[]) returns void
language plpgsql security definer set search_path from current as $$
declare
  said    jsonb := record_just_written(at, 'log.pruned');
  allowed jsonb := authority_of(said, 'retention.pruning-approved');
  shard   text := said -> 'data' ->> 'class';
  limit_  timestamptz := (said -> 'data' ->> 'before')::timestamptz;
  places  bigint[];
begin
  if shard is distinct from allowed -> 'data' ->> 'class' or shard = 'custody'
     or limit_ is null or limit_ > (allowed -> 'data' ->> 'before')::timestamptz then
    raise exception 'the pruning was not approved for this' using errcode = 'CU002';
  end if;
  perform set_config('countersign.authority', allowed ->> 'id', true);
  with range as (
    select (pair ->> 0)::bigint as first, (pair ->> 1)::bigint as last from jsonb_array_elements(said -> 'data' -> 'ranges') as pair
  ), gone as (
    delete from bodies using range
     where bodies.class = shard and bodies.index between range.first and range.last
       and exists (
         select from entries
          where entries.index = bodies.index and entries.class = shard
            and entries.recorded_at < extract(epoch from limit_) * 1000
       )
    returning bodies.index
  )
  select coalesce(array_agg(index), '{}') into places from gone;
  if cardinality(places) is distinct from (said -> 'data' ->> 'count')::integer then
    raise exception 'the record does not list what would go' using errcode = 'CU001';
  end if;
  delete from protected_values using unnest(values_key, values_record) as kept (key, record_id)
   where protected_values.key = kept.key and protected_values.record_id = kept.record_id
     and exists (select from entries where entries.record_id = kept.record_id and entries.index = any(places));
  perform set_config('countersign.authority', '', true);
end
$$;

-- Destroys the keys that the erasure.completed at this place lists, and all that is kept under them.
create function erase_keys(at bigint) returns void
language plpgsql security definer set search_path from current as $$
declare
  said    jsonb := record_just_written(at, 'erasure.completed');
  allowed jsonb := authority_of(said, 'erasure.approved');
  doomed  text[] := array(select jsonb_array_elements_text(said -> 'data' -> 'keys'));
  erased  bigint;
begin
  if not coalesce(allowed -> 'data' -> 'keys' @> (said -> 'data' -> 'keys'), false) then
    raise exception 'the erasure was not approved for these keys' using errcode = 'CU002';
  end if;
  perform set_config('countersign.authority', allowed ->> 'id', true);
  delete from protected_values where key = any(doomed);
  get diagnostics erased = row_count;
  if erased is distinct from (said -> 'data' ->> 'values')::bigint then
    raise exception 'the record does not count what would go' using errcode = 'CU001';
  end if;
  update subject_keys set sealed_key = null, erased_at = (said ->> 'time')::timestamptz where id = any(doomed) and erased_at is null;
  perform set_config('countersign.authority', '', true);
end
$$;

-- Where records are, or were, that have a term.
create function places_of_term(wanted bigint) returns setof bigint language sql stable as $$
  select first + distance from terms cross join lateral (select 0 as distance union all select unnest(others)) as place
   where term = wanted
$$;
create function body_is_there(at bigint) returns boolean language sql stable as $$
  select exists (
    select from entries where index = at
       and (entry is not null or exists (select from bodies where bodies.class = entries.class and bodies.index = entries.index)))
$$;

-- Of what is gone nobody asks any more. Takes the terms of pages in which no body is left that has them, which is nothing
-- but what could be drawn again and would not be.
create function forget_terms(terms_of bigint[], terms_at bigint[]) returns void
language sql security definer set search_path from current as $$
  with page as (
    select distinct terms.term, terms.first
      from unnest(terms_of, terms_at) as gone (term, index)
     cross join lateral (
       select term, first from terms where terms.term = gone.term and terms.first <= gone.index order by first desc limit 1) as terms
  )
  delete from terms using page
   where terms.term = page.term and terms.first = page.first
     and not exists (
       select from unnest(0::smallint || coalesce(terms.others, '{}')) as place (distance)
        where body_is_there(terms.first + place.distance))
$$;

revoke all on function record_just_written, authority_of, prune_bodies, erase_keys, refuse_custody, places_of_term, body_is_there, forget_terms from public;
