-- Whoever can write rows could have anything sent to anybody in the name of the installation. A notice is sent only with a valid seal.
-- Notices from before have none, and are not sent.
alter table notices add column seal bytea;
