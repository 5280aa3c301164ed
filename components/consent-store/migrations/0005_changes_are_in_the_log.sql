-- Which mandates have changed is read from the log, where nobody with this role can take a change back.
alter table mandates drop column change;
drop table changes;
