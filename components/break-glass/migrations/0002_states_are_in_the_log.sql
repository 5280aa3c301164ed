-- A record of an incident carries everything that stands from then on, and the row is a copy of it.
alter table incidents
  -- The record of the last change; none where that is from before: then the log says what was declared, and the row the rest.
  add column change_record text,
  -- The holder who ended the access before its time.
  add column ended_by text,
  -- The id of a record follows from the record before it; of rows from before, this is part of what was declared.
  alter column end_record drop not null;
