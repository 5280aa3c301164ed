-- Checkpoints as they were shown: signed by the log, with the cosignatures that the policy of the day asked for. A log
-- without witnesses shows what it signs, and has none of these.
create table published_checkpoints (
  id           bigint generated always as identity primary key,
  size         bigint not null check (size >= 0),
  note         text not null,
  published_at timestamptz not null default now()
);
create index published_checkpoints_newest on published_checkpoints (size, id);

-- What each witness has cosigned: a witness that remembers less later on has lost its memory, or was set back.
create table cosignatures (
  -- C2SP verifier key.
  witness text collate "C" not null,
  size    bigint not null check (size >= 0),
  -- The checkpoint with the signature of the log and the cosignature.
  note    text not null,
  primary key (witness, size)
);

create trigger published_checkpoints_are_kept before update or delete or truncate on published_checkpoints for each statement execute function refuse_change();
create trigger cosignatures_are_kept before update or delete or truncate on cosignatures for each statement execute function refuse_change();
