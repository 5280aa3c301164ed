-- Versions of the policies as signed bundles, and what waits for its second person.
--
-- Versions published before have neither bundle nor signature. They are kept for their decisions; nothing is decided
-- by them any more.
alter table policy_versions
  alter column schema_text drop not null,
  -- `json` and not `jsonb`: what is hashed is kept as it came.
  add column bundle         json,
  add column change_request text,
  add column candidate      text,
  add column proposed_by    text,
  add column approved_by    text,
  add column rolled_back_to integer references policy_versions (version),
  -- { kid, algorithm, value }
  add column signature      jsonb,
  add constraint policy_versions_signed_whole check (
    (bundle is null) = (signature is null) and (bundle is null) = (change_request is null)
    and (bundle is null) = (proposed_by is null));

create table policy_candidates (
  id                text primary key,
  status            text not null check (status in ('proposed', 'approved', 'rejected')),
  hash              text not null,
  digest            text not null,
  change_request    text not null,
  reason            text not null,
  base_version      integer not null references policy_versions (version),
  proposed_by       text not null,
  proposed_at       timestamptz not null,
  expires_at        timestamptz not null,
  decided_by        text,
  bundle            json not null,
  tests_passed      integer not null,
  untested          jsonb not null,
  simulation_id     text not null,
  simulation_digest text not null,
  decisions         integer not null,
  flips             integer not null,
  record_id         text not null
);
create index policy_candidates_by_expiry on policy_candidates (expires_at);

-- Keys that sign versions. Rows are inserted, never changed: what state a key is in follows from its times.
create table signing_keys (
  purpose      text not null,
  generation   integer not null,
  kid          text not null unique,
  algorithm    text not null,
  public_jwk   jsonb not null,
  sealed_key   bytea not null,
  published_at timestamptz not null,
  activates_at timestamptz not null,
  withdraws    text,
  primary key (purpose, generation)
);
