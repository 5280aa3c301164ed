-- By which scope a change was proposed: its proposer must still hold it when somebody approves.
alter table change_requests add column scope text not null default 'directory:apply'
  check (scope in ('directory:apply', 'compliance:record'));
