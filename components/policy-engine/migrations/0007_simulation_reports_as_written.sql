-- A report counts by the names that callers gave, whatever they are. `jsonb` refuses text with U+0000 in it, by which one
-- such question would fail every simulation that meets it; `json` keeps what came, as it came.
alter table policy_simulations alter column report type json using report::text::json;

-- The record by which the log vouches for a report; null until it is done.
alter table policy_simulations add column record_id text;
