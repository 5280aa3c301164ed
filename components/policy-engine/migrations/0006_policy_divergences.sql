-- Bundles whose compiled form has answered otherwise than the reference engine. No node decides by the compiled form of
-- such a bundle any more.
create table policy_divergences (
  policy_hash    text primary key,
  policy_version integer not null,
  record_id      text not null,
  found_at       timestamptz not null
);
