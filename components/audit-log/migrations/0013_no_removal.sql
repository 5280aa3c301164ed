-- The role of the log removes nothing: that has a role and a schema of its own (eraser-migrations).
drop function prune_bodies(bigint, text[], text[]);
drop function erase_keys(bigint);
drop function forget_terms(bigint[], bigint[]);
drop function authority_of(jsonb, text);
drop function record_just_written(bigint, text);
