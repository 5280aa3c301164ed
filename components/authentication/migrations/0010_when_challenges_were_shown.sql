-- When the page with the challenge that stands was shown: whoever answers it has counted further than every answer before.
alter table sign_ins add column shown_at timestamptz;
