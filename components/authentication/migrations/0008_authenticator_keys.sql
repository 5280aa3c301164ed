-- One key belongs to one person, for ever, as one credential does.
create unique index authenticators_by_key on authenticators (kid);
