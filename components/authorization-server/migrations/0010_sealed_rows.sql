-- The seal of the process that wrote the row (docs/adr/0043): whoever only has this role cannot make one. A row without it is
-- of the release before, or invented, and is as good as no row.
alter table pushed_requests      add column seal bytea check (octet_length(seal) = 32);
alter table interactions         add column seal bytea check (octet_length(seal) = 32);
alter table authorization_codes  add column seal bytea check (octet_length(seal) = 32);
alter table refresh_tokens       add column seal bytea check (octet_length(seal) = 32);
alter table opaque_tokens        add column seal bytea check (octet_length(seal) = 32);
alter table backchannel_requests add column seal bytea check (octet_length(seal) = 32);
alter table client_registrations add column seal bytea check (octet_length(seal) = 32);
-- Without it the log is read for revocations from its first record on.
alter table revocation_tail      add column seal bytea check (octet_length(seal) = 32);
