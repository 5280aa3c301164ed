-- The seal of the process that wrote the row (docs/adr/0043): whoever only has this role cannot make one. A row without it is
-- of the release before, or invented, and opens nothing; such rows live for minutes.
alter table departures add column seal bytea check (octet_length(seal) = 32);
alter table authenticator_challenges add column seal bytea check (octet_length(seal) = 32);
