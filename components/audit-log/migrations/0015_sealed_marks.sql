-- How far terms have been drawn and streams watched carries an HMAC-SHA-256, as entries do: somebody with the role of the log who
-- says that more has been seen than was would hide records from searches, or the loss of records from the monitor.
alter table terms_drawn add column seal bytea check (octet_length(seal) = 32);
-- What was drawn before there were seals is drawn again, and compared.
update terms_drawn set size = 0;

drop function terms_were_drawn(integer, bigint, bigint);
create function terms_were_drawn(of_rule integer, was bigint, becomes bigint, sealed bytea) returns boolean
language sql security definer set search_path from current as $$
  update terms_drawn set size = becomes, seal = sealed
   where rule = of_rule and size = was and becomes > was and sealed is not null returning true
$$;
revoke all on function terms_were_drawn from public;

-- Null until it is written for the first time after this: nobody with the role can make it null again.
alter table stream_monitor add column seal bytea check (octet_length(seal) = 32);

drop function streams_were_watched(bigint, bigint, jsonb);
create function streams_were_watched(was bigint, becomes bigint, now_watched jsonb, sealed bytea) returns boolean
language sql security definer set search_path from current as $$
  update stream_monitor set through = becomes, watched = now_watched, seal = sealed
   where through = was and becomes >= was and sealed is not null returning true
$$;
revoke all on function streams_were_watched from public;
