-- Whoever can write these rows could have less counted. A counter therefore carries a seal over the sums that end at `sealed_from`
-- or later, and `revision`, how often it was changed, which records repeat; a hold carries one over what it took. What was counted
-- before goes on counting: a counter is sealed when it is next taken from, and an older hold is not given back.
alter table limit_counters add column revision bigint not null default 0;
alter table limit_counters add column sealed_from bigint;
alter table limit_counters add column seal bytea;
-- Tells the reservations of one order apart.
alter table limit_holds add column taken text;
alter table limit_holds add column seal bytea;
-- Of the counter, when this was added to it.
alter table limit_amounts add column revision bigint;
