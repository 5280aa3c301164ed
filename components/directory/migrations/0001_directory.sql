-- One row: the version of the whole graph. Its lock puts changes in a line.
create table directory_state (
  singleton boolean primary key default true check (singleton),
  version   integer not null
);
insert into directory_state (version) values (0);

create table entities (
  kind        text not null,
  id          text not null,
  -- LEI of the institution the entity belongs to.
  institution text not null,
  -- The version of the directory in which the entity last changed.
  version     integer not null,
  -- The entity as the file wrote it, its lists sorted.
  document    jsonb not null,
  -- For people with credentials: the record that lists them.
  record_id   text,
  primary key (kind, id)
);
