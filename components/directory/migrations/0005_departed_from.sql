-- Which institution somebody was with: a name that was one institution's is not given to somebody of another.
alter table departures add column institution text;
