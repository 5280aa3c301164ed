-- The newest record about a candidate: its row is a copy of what it carries. A bundle does not fit into a record and is stored before the
-- proposal is recorded: until then both are null, and the row counts for nothing.
alter table policy_candidates add column change_record text;
update policy_candidates set change_record = record_id;
alter table policy_candidates alter column record_id drop not null;
