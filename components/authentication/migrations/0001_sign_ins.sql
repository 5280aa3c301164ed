-- A person who was sent to sign in. The handle stands in the address of the page; only its hash is kept.
create table sign_ins (
  handle_hash  bytea primary key,
  return_to    text not null,
  continues_to text[] not null,
  client_name  text not null,
  acr_values   text[] not null,
  not_before   timestamptz,
  login_hint   text,
  -- Of the secret in the browser that opened the page first; nobody else can go on from there.
  browser_hash bytea,
  attempts     integer not null default 0,
  finished_at  timestamptz,
  expires_at   timestamptz not null
);
create index sign_ins_by_end on sign_ins (expires_at);

-- A person who is signed in in one browser.
create table sessions (
  id                text primary key,
  -- Of the secret in the cookie.
  secret_hash       bytea not null unique,
  person            text not null,
  acr               text not null,
  amr               text[] not null,
  auth_time         timestamptz not null,
  -- The directory in which the person was found: an older one is no witness that they are gone.
  directory_version bigint not null,
  created_at        timestamptz not null,
  last_seen_at      timestamptz not null,
  absolute_end_at   timestamptz not null,
  -- The first of the idle end and the absolute end; the end itself, once ended.
  expires_at        timestamptz not null,
  ended_at          timestamptz
);
create index sessions_by_end on sessions (expires_at);
