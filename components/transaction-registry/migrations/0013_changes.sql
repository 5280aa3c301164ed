-- The record after which the row is as it is. The next record of a change follows from it: see store/changes.ts.
alter table transactions add column changed_record_id text;
update transactions set changed_record_id = last_record_id;
alter table transactions alter column changed_record_id set not null;
