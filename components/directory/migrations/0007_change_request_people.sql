-- Principals through whom a change was proposed: none of them is its second person.
alter table change_requests add column through text[] not null default '{}';
