-- What of the directory decisions have read: the canonical JSON (RFC 8785) of an entity by its SHA-256, base64url. The
-- records of decisions name entities by this digest. Written once; erased only where the law asks for it.
create table entity_facts (
  digest      text collate "C" primary key,
  document    text not null,
  recorded_at timestamptz not null default now()
);
