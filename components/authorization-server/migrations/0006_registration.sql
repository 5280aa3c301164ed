-- Clients that registered themselves (RFC 7591), and who may manage each (RFC 7592). The client is the directory's; what is here ends
-- with it, not with time: what a client has left behind goes with the next registration of its institution, so there is nothing to sweep.
create table client_registrations (
  client_id         text primary key,
  institution       text not null,
  principal         text not null,
  -- SHA-256 of the one registration access token; another with each update.
  token_hash        bytea not null,
  issued_at         timestamptz not null,
  -- The version from which the directory has the client as it was last registered. Null on the way there: a row that stays so was left
  -- by a node that stopped in between, and the client, if there is one, is taken back.
  directory_version bigint
);
create index client_registrations_institution on client_registrations (institution);
