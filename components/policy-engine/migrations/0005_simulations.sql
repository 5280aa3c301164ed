-- Runs of a bundle over recorded decisions. The log holds that each was made, and the digest of what it found.
create table policy_simulations (
  id         text collate "C" primary key,
  status     text not null check (status in ('running', 'done', 'failed')),
  started_at timestamptz not null,
  -- When the node that runs it last said so. One that runs and has been silent for long has died with its node.
  seen_at    timestamptz not null,
  -- SimulationReport of the contracts.
  report     jsonb not null
);
create index policy_simulations_by_start on policy_simulations (started_at);
