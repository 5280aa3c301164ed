-- Principals through whom a bundle was proposed: none of them is its second person. Candidates of the release before have none.
alter table policy_candidates add column through text[] not null default '{}';
