-- Halts exist as records only. The schema holds the lock that puts their changes in order on all nodes.
insert into named_locks (name) values ('halts') on conflict do nothing;
