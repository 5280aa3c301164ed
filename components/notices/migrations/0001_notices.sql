-- What people are told. It is taken before anybody is told anything, and sent from here.
create table notices (
  id             text collate "C" primary key,
  to_person      text,
  to_role        text,
  to_institution text,
  kind           text not null,
  content        text not null,
  facts          jsonb not null,
  told_at        timestamptz not null,
  check ((to_person is null) <> (to_role is null)),
  check ((to_role is null) = (to_institution is null))
);
create index notices_by_age on notices (told_at);

-- One for each channel that there was when the notice was taken.
create table deliveries (
  notice       text collate "C" not null references notices (id) on delete cascade,
  channel      text not null,
  status       text not null default 'pending' check (status in ('pending', 'sent', 'failed')),
  attempts     integer not null default 0,
  -- When it may be taken up: while somebody is at it, the moment until which they have it.
  next_attempt timestamptz not null,
  -- Who has it.
  claim        text,
  -- Chosen beforehand: the outcome is recorded once, whoever dies on the way.
  record_id    text not null,
  primary key (notice, channel)
);
create index deliveries_due on deliveries (next_attempt) where status = 'pending';
