import { Type } from 'typebox';
import { eventTopics } from '../events.ts';
import {
  carriedMembers,
  closed,
  digest,
  enumOf,
  flag,
  id,
  optional,
  type RecordDescription,
  text,
  texts,
} from './shape.ts';

const sources = ['event-publisher'];
const subscription = {
  subscription: id('sub'),
  institution: text('LEI'),
  origin: text('Of the address that events are sent to'),
  url_digest: digest(),
  topics: Type.Array(enumOf(eventTopics)),
  position: text('In the log'),
};

const signalStream = { stream: id('strm'), institution: text('LEI'), audience: text() };

export const eventRecords = {
  'event.subscribed': {
    about: 'An institution has events sent to it, or again after it was suspended.',
    sources,
    outcomes: ['done'],
    always: ['subject'],
    data: closed({ ...subscription, ...carriedMembers, resumed: optional(Type.Literal(true)) }),
  },
  'event.unsubscribed': {
    about: 'An institution no longer has events sent to it.',
    sources,
    outcomes: ['done'],
    always: ['subject'],
    data: closed({ ...subscription, ...carriedMembers }),
  },
  'event.delivery-suspended': {
    about: 'Events could not be delivered for too long.',
    sources,
    outcomes: ['done'],
    data: closed({
      ...{ subscription: id('sub'), institution: text('LEI'), position: text(), detail: text() },
      ...carriedMembers,
    }),
  },
  'signal.stream-changed': {
    about: 'A stream of security events was made, changed or removed (Shared Signals Framework).',
    sources,
    outcomes: ['done'],
    always: ['subject', 'client'],
    data: closed({
      operation: text('What was done'),
      ...signalStream,
      ...carriedMembers,
      // Absent when the change affects neither status nor configuration.
      thing: optional(carriedMembers.thing),
      after: optional(carriedMembers.after),
      method: optional(enumOf(['push', 'poll'])),
      origin: optional(text('Of the address that events are pushed to')),
      url_digest: optional(digest()),
      authorization: optional(flag('Whether an authorization header goes with it')),
      events: optional(texts('Event types that are delivered')),
      status: optional(enumOf(['enabled', 'paused', 'disabled'])),
      format: optional(text('Of the subject identifier (RFC 9493)')),
      subject_digest: optional(digest()),
      sets: optional(
        Type.Array(closed({ jti: text(), err: text() }), {
          description: 'Tokens that the receiver says it cannot use (RFC 8936)',
        }),
      ),
    }),
  },
  'signal.delivery-suspended': {
    about: 'Security events could not be delivered for too long.',
    sources,
    outcomes: ['done'],
    data: closed({ ...signalStream, ...carriedMembers, detail: text() }),
  },
} as const satisfies Readonly<Record<string, RecordDescription>>;
