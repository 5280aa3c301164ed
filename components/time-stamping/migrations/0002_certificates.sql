-- The certificate that the authority issued itself for each of its keys: one, whichever node was first. Never changed.
create table certificates (
  kid         text primary key,
  certificate bytea not null,
  not_after   timestamptz not null,
  issued_at   timestamptz not null
);
