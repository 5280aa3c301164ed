-- The seal of the process that wrote the row (docs/adr/0043): whoever only has this role cannot make one. What was reported
-- before there were seals counts again with the next report.
alter table postures add column seal bytea check (octet_length(seal) = 32);
-- Challenges are made with a key that is not in the database.
drop table challenge_key;
