-- The same columns as every table of signing keys. The key of a log is not succeeded in place (docs/adr/0012), so this
-- one stays empty.
alter table signing_keys add column withdraws text;
