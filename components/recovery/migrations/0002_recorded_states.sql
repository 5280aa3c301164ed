-- A row is a copy of the state that its newest record carries, and names that record. Ids of the records that follow come from it,
-- and the digest from person, reason and evidence.
alter table recoveries
  add column record text,
  -- Names of the functions that have to approve, as they were configured when it was opened.
  add column functions jsonb not null default '[]',
  alter column ended_record drop not null,
  drop column digest,
  drop column completion_record,
  drop column expiry_record,
  drop column invited_at;
update recoveries
   set record = record_id, ended_record = case when status in ('ended', 'invited', 'completed') then ended_record end;
alter table recoveries alter column record set not null, alter column functions drop default;
