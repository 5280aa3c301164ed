-- The record of the suspicion or the removal that made the row what it is; null while the key counts.
alter table authenticators add column ended_by text;
