-- Decisions that the simulation of a candidate could not judge, by what was missing: the second person is shown them.
-- Candidates of the release before have none in their records, and none here.
alter table policy_candidates add column skipped jsonb not null default '{}';
