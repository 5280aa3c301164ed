-- The name of the time is the one that receivers see. Deliveries under way hold no copy of it.
alter table notices rename column told_at to notified_at;
