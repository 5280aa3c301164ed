-- What keys counted of late: an answer whose turn was passed is told from one of a copy.
create table authenticator_uses (
  authenticator text not null references authenticators (id),
  counter       bigint not null,
  used_at       timestamptz not null,
  primary key (authenticator, counter)
);
