-- Which version of a grant is the newest, and by which record, is in the log: its row is written whatever somebody has put in its place.
alter table grant_versions drop constraint grant_versions_record_id_key;
