-- A queued token is signed when it is sent, so whoever can write a row could have anything signed. A token is sent only with a
-- valid seal. Tokens that were queued before have none, and are deleted unsent.
alter table signal_queue add column seal bytea;
