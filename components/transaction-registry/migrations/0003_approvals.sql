-- An approval may be taken back until something rests on it, and several may come under one signature.
alter table approvals
  add column withdrawn_at        timestamptz,
  add column withdrawn_record_id text,
  -- In which order they were given: a transaction is locked meanwhile, so it is the order of its approvals.
  add column sequence            bigint generated always as identity,
  -- The root that was signed, for one that came with others.
  add column batch_root          text,
  -- The version of the transaction that rests on it first.
  add column used_version        integer,
  add constraint withdrawal_is_recorded check ((withdrawn_at is null) = (withdrawn_record_id is null)),
  add constraint used_or_withdrawn check (used_version is null or withdrawn_at is null);

-- Before this, only a submission rested on approvals: on all that stood.
update approvals a
   set used_version = t.version
  from transitions t
 where t.transaction_id = a.transaction_id and t.event = 'submit' and a.expires_at > t.recorded_at;

-- Of one person, whatever can still be withdrawn: asked when they leave.
create index approvals_open_by_approver on approvals (approver) where withdrawn_at is null and used_version is null;

-- Who reported it, and the decision it rests on; unknown for what was done before these were kept.
alter table transitions
  add column actor          text,
  add column decision_id    text,
  add column policy_version integer;
