-- Whether a departure has counted the lease among what it ended. Carries no authority.
alter table leases add column departure_counted boolean not null default false;
