-- The intents that the sign-in of a code was made for: none for one that was made for nothing in particular, null for one
-- that somebody else vouches for. And the managed device it was made on.
alter table authorization_codes
  add column bound_to text[],
  add column device   text;
