-- The least that a durable append can be: a place and its bytes.
create table floor_rows (
  place bigint primary key,
  bytes bytea not null
);
