-- Up to which end used ids were removed, for single_use and request_objects. A node whose clock ran ahead removes ids that are
-- still good by the right time; what ends no later than this mark is not accepted again.
create table forgotten_claims (
  claims  text primary key check (claims in ('single_use', 'request_objects')),
  through timestamptz not null
);

-- Volatile: in a statement that inserts a claim it sees the mark as it is once the row is there.
create function forgotten_through(of_claims text) returns timestamptz
language sql volatile set search_path from current as $$
  select coalesce((select through from forgotten_claims where claims = of_claims), '-infinity'::timestamptz)
$$;
