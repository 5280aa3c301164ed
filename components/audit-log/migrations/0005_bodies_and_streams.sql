-- What a leaf is made of, in one shard for each retention class: a partition with its own index that can be moved, backed
-- up and emptied by itself (docs/adr/0030). The places, the hashes and what records are found by stay in entries.
create table bodies (
  class text collate "C" not null,
  index bigint not null check (index >= 0),
  body  bytea not null check (octet_length(body) between 1 and 65535)
) partition by list (class);
create table bodies_transaction partition of bodies for values in ('transaction');
create table bodies_authority partition of bodies for values in ('authority');
create table bodies_access partition of bodies for values in ('access');
create table bodies_custody partition of bodies for values in ('custody');
create table bodies_operation partition of bodies for values in ('operation');

-- Within a shard the class is one and the same: a key of the place alone is a third of the size. Bodies are JSON of a few
-- hundred bytes to a few kilobytes, read rarely: kept as they are, and whole up to what a page holds.
do $$
declare shard regclass;
begin
  for shard in select inhrelid::regclass from pg_inherits where inhparent = 'bodies'::regclass loop
    execute format('alter table %s add primary key (index)', shard);
    execute format('alter table %s alter column body set storage external', shard);
    execute format('alter table %s set (toast_tuple_target = 8160)', shard);
    execute format('create trigger bodies_are_kept before update or delete or truncate on %s for each statement execute function refuse_change()', shard);
  end loop;
end
$$;
create trigger bodies_are_kept before update or delete on bodies for each statement execute function refuse_change();

alter table entries
  -- Of records that were written before there were shards, the bytes stay here.
  alter column entry drop not null,
  -- The shard that has the body; null where it is in entry.
  add column class text collate "C",
  -- The time of the record in milliseconds since the epoch: found by it also when its body is gone. Null where it is in entry.
  add column recorded_at bigint,
  add constraint entries_have_a_body check ((entry is null) = (class is not null and recorded_at is not null)) not valid;

-- How far the monitor of streams has come, and what it knows of each stream: no evidence, and drawn from the log again
-- where it is lost. What was written before records were numbered is behind it.
create table stream_monitor (
  only_row boolean primary key default true check (only_row),
  -- The last place that was looked at.
  through  bigint not null,
  watched  jsonb not null
);
insert into stream_monitor (through, watched) select coalesce(max(index), -1), '{}' from entries;

-- The component's role inserts and reads. This lets it keep what it has seen, and nothing else.
create function streams_were_watched(was bigint, becomes bigint, now_watched jsonb) returns boolean
language sql security definer set search_path from current as $$
  update stream_monitor set through = becomes, watched = now_watched where through = was and becomes >= was returning true
$$;
revoke all on function streams_were_watched from public;
