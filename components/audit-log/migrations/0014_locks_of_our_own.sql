-- Locks that no other role can take: any role that may connect can take any advisory lock.

-- Always empty. Whoever appends has it open for writing; whoever must be alone locks it.
create table append_turns (taken boolean);

-- The role of the log may not lock a table against its writers; this does it for the turn to append, and for nothing else.
create function take_append_turn() returns void
language plpgsql security definer set search_path from current as $$
begin
  lock table append_turns in exclusive mode;
end
$$;
revoke all on function take_append_turn from public;

-- Of these one node at a time is the holder; nobody waits for them.
insert into named_locks (name) values ('publication'), ('streams'), ('terms') on conflict do nothing;
