-- Which client has shown possession of a key or certificate that the directory does not list key by key (fetched key
-- sets, certificates recognised by a name). Such a credential authenticates one client and no other.
create table client_credential_holders (
  -- "key " and its RFC 7638 thumbprint, or "certificate " and its SHA-256 thumbprint.
  credential text primary key,
  client_id  text not null,
  first_used timestamptz not null default now()
);
