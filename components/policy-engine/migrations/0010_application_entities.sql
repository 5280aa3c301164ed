-- Entities of the models of applications that were written over the interface. A row counts while its newest record says the
-- same (docs/adr/0043): of a model whose rows and records differ, nothing is decided.
create table application_entities (
  namespace text collate "C" not null,
  type      text collate "C" not null,
  id        text collate "C" not null,
  document  text not null,
  record_id text not null,
  primary key (namespace, type, id)
);
-- Counts the changes of a model's entities; whoever changes one holds the row.
create table application_entity_versions (
  namespace text collate "C" primary key,
  version   integer not null
);
