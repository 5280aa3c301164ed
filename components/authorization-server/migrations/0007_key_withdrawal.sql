-- A key that replaces a lost one names it: from the time that this row is there, the lost one signs and verifies nothing.
-- Rows are still inserted and never changed.
alter table signing_keys add column withdraws text;
