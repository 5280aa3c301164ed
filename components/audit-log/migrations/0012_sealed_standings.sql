-- HMAC-SHA-256 over subject, place and digest, as that of entries: somebody with the role of the log can insert a row, but not
-- make it count.
alter table standings add column seal bytea check (octet_length(seal) = 32);
