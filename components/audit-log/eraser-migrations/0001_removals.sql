-- What removes evidence, under a role of its own: the role of the log can remove nothing, and this role can write no record. It
-- has these functions and no table. Each removes what a record of the log lists, and nothing that the record's approval does
-- not allow; record and approval were committed before the transaction of the removal began, and are under a checkpoint. That
-- the checkpoint is signed, and the entries sealed, the process verifies before it asks: the keys are not in the database.
--
-- The schema audit_log is migrated before this one.

-- Removals that are done: a process that dies between the record and the removal leaves it to the next.
create table done (
  at bigint primary key
);
-- Until now a record and its removal were one transaction.
insert into done select index from audit_log.entries where type in ('log.pruned', 'erasure.completed');

-- Was this row committed before this transaction began? In a transaction that reads from one snapshot, every row that it sees is
-- older, or its own. Its own rows have its number, or a later one.
create function settled(written xid) returns boolean
language plpgsql as $$
begin
  if current_setting('transaction_isolation') not in ('repeatable read', 'serializable') then
    raise exception 'removals are transactions that read from one snapshot' using errcode = 'CU002';
  end if;
  perform pg_current_xact_id();
  return age(written) > 0;
end
$$;

-- The record of a removal.
create function removal_record(removal bigint, of_type text) returns jsonb
language plpgsql set search_path = audit_log, evidence_eraser, pg_temp as $$
declare said jsonb;
begin
  select convert_from(bodies.body, 'UTF8')::jsonb into said
    from entries join bodies on bodies.class = 'custody' and bodies.index = entries.index
   where entries.index = removal and entries.type = of_type and settled(entries.xmin);
  if said is null then
    raise exception 'there is no % at % that was there before this transaction', of_type, removal using errcode = 'CU002';
  end if;
  if not exists (select from checkpoints where size > removal and settled(checkpoints.xmin)) then
    raise exception 'the % at % is not under a checkpoint', of_type, removal using errcode = 'CU002';
  end if;
  return said;
end
$$;

-- What the record says allows it, if that is an older record of this type.
create function authority_of(said jsonb, removal bigint, of_type text) returns jsonb
language plpgsql set search_path = audit_log, evidence_eraser, pg_temp as $$
declare allowed jsonb;
begin
  select convert_from(bodies.body, 'UTF8')::jsonb into allowed
    from entries join bodies on bodies.class = 'custody' and bodies.index = entries.index
   where entries.record_id = said -> 'references' ->> 0 and entries.type = of_type
     and entries.index < removal and settled(entries.xmin);
  if allowed is null then
    raise exception 'no % allows this', of_type using errcode = 'CU002';
  end if;
  -- The order of the log decides between a hold and a removal.
  if exists (
    select from entries
     where type in ('hold.placed', 'retention.changed')
       and index > (said -> 'data' ->> 'as_of')::bigint and index < removal
  ) or said -> 'data' ->> 'as_of' is null then
    raise exception 'a hold or a schedule came after what was judged by' using errcode = 'CU001';
  end if;
  return allowed;
end
$$;

-- Places of removals that are recorded and not done, in their order.
create function pending() returns setof bigint
language sql stable security definer set search_path = audit_log, evidence_eraser, pg_temp as $$
  select entries.index from entries
   where type in ('log.pruned', 'erasure.completed') and not exists (select from done where done.at = entries.index)
   order by entries.index
$$;

-- Removes the bodies that the log.pruned at this place lists, with what is kept beside them. Does nothing when that is done.
create function prune_bodies(removal bigint, values_key text[], values_record text[]) returns void
language plpgsql security definer set search_path = audit_log, evidence_eraser, pg_temp as $$
declare
  said    jsonb := removal_record(removal, 'log.pruned');
  allowed jsonb := authority_of(said, removal, 'retention.pruning-approved');
  shard   text := said -> 'data' ->> 'class';
  limit_  timestamptz := (said -> 'data' ->> 'before')::timestamptz;
  places  bigint[];
begin
  if shard is distinct from allowed -> 'data' ->> 'class' or shard = 'custody'
     or limit_ is null or limit_ > (allowed -> 'data' ->> 'before')::timestamptz then
    raise exception 'the pruning was not approved for this' using errcode = 'CU002';
  end if;
  insert into done values (removal) on conflict do nothing;
  if not found then return; end if;
  perform set_config('countersign.authority', allowed ->> 'id', true);
  with range as (
    select (pair ->> 0)::bigint as first, (pair ->> 1)::bigint as last from jsonb_array_elements(said -> 'data' -> 'ranges') as pair
  ), gone as (
    delete from bodies using range
     where bodies.class = shard and bodies.index between range.first and range.last and bodies.index < removal
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

-- Destroys the keys that the erasure.completed at this place lists, and all that is kept under them. Does nothing when that is
-- done.
create function erase_keys(removal bigint) returns void
language plpgsql security definer set search_path = audit_log, evidence_eraser, pg_temp as $$
declare
  said    jsonb := removal_record(removal, 'erasure.completed');
  allowed jsonb := authority_of(said, removal, 'erasure.approved');
  doomed  text[] := array(select jsonb_array_elements_text(said -> 'data' -> 'keys'));
begin
  if not coalesce(allowed -> 'data' -> 'keys' @> (said -> 'data' -> 'keys'), false) then
    raise exception 'the erasure was not approved for these keys' using errcode = 'CU002';
  end if;
  insert into done values (removal) on conflict do nothing;
  if not found then return; end if;
  perform set_config('countersign.authority', allowed ->> 'id', true);
  delete from protected_values where key = any(doomed);
  update subject_keys set sealed_key = null, erased_at = (said ->> 'time')::timestamptz where id = any(doomed) and erased_at is null;
  perform set_config('countersign.authority', '', true);
end
$$;

-- Of what is gone nobody asks any more. Takes the terms of pages in which no body is left that has them, which is nothing
-- but what could be drawn again and would not be.
create function forget_terms(terms_of bigint[], terms_at bigint[]) returns void
language sql security definer set search_path = audit_log, evidence_eraser, pg_temp as $$
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

revoke all on function settled, removal_record, authority_of, pending, prune_bodies, erase_keys, forget_terms from public;
