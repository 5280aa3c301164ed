-- By what records are found beside their type and their transaction: who acted, for whom, under which mandate, on which
-- record. Drawn from the records behind the head of the log, and no evidence: what is found here is read and compared
-- again. A term is the first eight bytes of a SHA-256, so that nothing is told here that is not in the log.
--
-- The log is drawn a page at a time. A term has one row for each page that has it: the first place, and how far behind
-- that the others are.
create table terms (
  term   bigint not null,
  first  bigint not null check (first >= 0),
  others smallint[],
  primary key (term, first)
);

-- How far they have been drawn: records before this place. A release that draws other terms has a rule of its own, and
-- begins again.
create table terms_drawn (
  rule integer primary key,
  size bigint not null check (size >= 0)
);

-- The component's role inserts and reads. This lets it say how far it has come, and nothing else.
create function terms_were_drawn(of_rule integer, was bigint, becomes bigint) returns boolean
language sql security definer set search_path from current as $$
  update terms_drawn set size = becomes where rule = of_rule and size = was and becomes > was returning true
$$;
revoke all on function terms_were_drawn from public;
