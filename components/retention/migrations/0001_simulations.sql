-- What a change would do, as it was found out before anybody proposed it. Everything else this component knows stands in
-- the log: schedule, holds and proposals are read from there, so that they can be changed nowhere else.
create table simulations (
  id      text collate "C" primary key,
  made_at timestamptz not null,
  made_by text not null,
  content jsonb not null
);
create index simulations_by_age on simulations (made_at);
