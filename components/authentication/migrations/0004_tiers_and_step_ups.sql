-- What a sign-in is for, and the challenge of the page as it was shown last: of one attempt and no other.
alter table sign_ins
  add column tier     text not null default 'market-data',
  add column intents  text[] not null default '{}',
  add column reason   text,
  add column nonce    text,
  -- The challenge with which a method sent the browser elsewhere; it comes back with it once.
  add column departed text;

-- A session is of one tier, on one device, by one authenticator.
alter table sessions
  add column tier          text not null default 'market-data',
  add column device        text,
  add column authenticator text,
  -- Who vouches for the person, where somebody else signed them in.
  add column issuer        text,
  -- The browser and its address, in words, for its person to know it by.
  add column described     text;
alter table sessions alter column tier drop default;

-- An assertion that was made for these intents; it counts for them alone, and ends with its session.
create table step_ups (
  session       text not null references sessions (id) on delete cascade,
  intents       text[] not null,
  acr           text not null,
  amr           text[] not null,
  auth_time     timestamptz not null,
  authenticator text,
  expires_at    timestamptz not null,
  primary key (session, intents)
);
create index step_ups_by_end on step_ups (expires_at);
