-- A partner's trust profile waits for a second person in the same way.
alter table change_requests drop constraint change_requests_scope_check;
alter table change_requests add constraint change_requests_scope_check
  check (scope in ('directory:apply', 'compliance:record', 'reference:record', 'partner:register'));
