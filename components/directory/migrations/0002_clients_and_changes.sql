-- When a key of a client was first held. Never removed: a key that leaves and comes back is as old as it was.
create table client_keys (
  client_id     text not null,
  -- RFC 7638.
  thumbprint    text not null,
  registered_at timestamptz not null,
  primary key (client_id, thumbprint)
);

-- Changes that wait for, or have had, their second person.
create table change_requests (
  id              text primary key,
  status          text not null check (status in ('proposed', 'approved', 'rejected')),
  proposed_by     text not null,
  decided_by      text,
  proposed_at     timestamptz not null,
  expires_at      timestamptz not null,
  reason          text not null,
  -- What it would change, as planned when it was proposed.
  changes         jsonb not null,
  -- Digest of that plan with every entity as it was before: the plan of the approval must have the same.
  basis           text not null,
  -- Digest of the proposal, which the approver names.
  digest          text not null,
  -- The file or the edit; gone once it is decided or has expired.
  proposal        jsonb,
  -- The record of the proposal: that of the approval rests on it.
  record_id       text not null
);
create index change_requests_expiry on change_requests (expires_at);
