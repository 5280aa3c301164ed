-- Who has a session, and which: asked each minute about people who have left, and each time somebody signs in again.
create index sessions_by_person on sessions (person) where ended_at is null;
