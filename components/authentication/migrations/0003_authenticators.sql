-- By what authenticators know a person: random, so that what is kept on a key says nothing about them.
create table authenticator_people (
  person      text primary key,
  user_handle bytea not null unique
);

-- Security keys and passkeys. Rows stay when they are removed: who ever had one is not invited again.
create table authenticators (
  id                 text primary key,
  person             text not null references authenticator_people (person),
  name               text not null,
  -- One credential belongs to one person, for ever.
  credential_id      bytea not null unique,
  kid                text not null,
  jwk                jsonb not null,
  acr                text not null,
  aaguid             text not null,
  model              text,
  attestation_format text not null,
  -- What its maker's word was worth when it was registered.
  attestation        text not null check (attestation in ('none', 'self', 'untrusted', 'trusted')),
  backup_eligible    boolean not null,
  transports         text[] not null,
  -- The newest signature counter; it only rises, or stays at zero.
  counter            bigint not null,
  record_id          text not null,
  -- Who invited the person to enrol it; null where the person added it with one they had.
  invited_by         text,
  registered_at      timestamptz not null,
  last_used_at       timestamptz,
  suspended_at       timestamptz,
  removed_at         timestamptz
);
create index authenticators_by_person on authenticators (person, registered_at);

-- What authenticators are asked for outside of sign-ins. An answer takes its row before it is looked at.
create table authenticator_challenges (
  handle_hash bytea primary key,
  kind        text not null check (kind in ('statement', 'registration')),
  person      text not null,
  challenge   text not null,
  -- What is signed, or what allows the registration; as text, so that it is read back to the character: a signature is over it.
  about       json not null,
  expires_at  timestamptz not null
);
create index authenticator_challenges_by_end on authenticator_challenges (expires_at);
create index authenticator_challenges_by_person on authenticator_challenges (person, expires_at);

-- A link that a person without an authenticator enrols one with. Only the hash of its secret is kept.
create table authenticator_invitations (
  secret_hash bytea primary key,
  person      text not null,
  invited_by  text not null,
  record_id   text not null,
  -- The record of the recovery that it comes after.
  recovery    text,
  expires_at  timestamptz not null,
  ended_at    timestamptz
);
create index authenticator_invitations_by_person on authenticator_invitations (person) where ended_at is null;
create index authenticator_invitations_by_end on authenticator_invitations (expires_at);

create table account_locks (
  person    text primary key,
  record_id text not null,
  locked_at timestamptz not null
);
