-- The newest record about a change: the row is a copy of what it carries. What was proposed does not fit into a record and is stored before
-- the proposal is recorded: until then both are null, and the row counts for nothing.
alter table change_requests add column change_record text;
update change_requests set change_record = record_id;
alter table change_requests alter column record_id drop not null;
