-- Refresh tokens (RFC 6749 section 6), kept as SHA-256 only. They are not rotated: a row is written once and read as often as its
-- token is used, and the consent it stands under is asked each time. Expired rows are removed in slices, by the index.
create table refresh_tokens (
  token_hash    bytea primary key,
  grant_id      text not null,
  -- A consent that was changed since ends the refresh tokens of its earlier versions.
  grant_version integer not null,
  client        text not null,
  -- The DPoP key it is bound to. Where the client's tokens are bound to its certificate, it is bound to the client's authentication.
  jkt           text,
  scopes        text[] not null,
  resource      text,
  session       text,
  acr           text not null,
  amr           text[] not null,
  auth_time     bigint not null,
  expires_at    timestamptz not null
);
create index refresh_tokens_expiry on refresh_tokens (expires_at);
