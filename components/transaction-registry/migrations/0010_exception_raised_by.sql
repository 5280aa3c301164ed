-- Who ran into it: they leave dealing with it to somebody else. Unknown for what was raised before this was kept.
alter table exceptions add column raised_by text;
