import { Type } from 'typebox';
import { eventTopics } from '../events.ts';
import {
  closed,
  digest,
  enumOf,
  id,
  lei,
  optional,
  type RecordDescription,
  text,
  texts,
  wholeNumber,
} from './shape.ts';

const sources = ['event-publisher'];
const subscription = {
  subscription: id('sub'),
  institution: lei(),
  origin: text('Of the address that events are sent to'),
  url_digest: digest(),
  topics: Type.Array(enumOf(eventTopics)),
  position: text('In the log'),
};

export const eventRecords = {
  'event.subscribed': {
    about: 'An institution has events sent to it, or again after it was suspended.',
    sources,
    outcomes: ['done'],
    always: ['subject'],
    data: closed({ ...subscription, resumed: optional(Type.Literal(true)) }),
  },
  'event.unsubscribed': {
    about: 'An institution no longer has events sent to it.',
    sources,
    outcomes: ['done'],
    always: ['subject'],
    data: closed(subscription),
  },
  'event.delivery-suspended': {
    about: 'Events could not be delivered for too long.',
    sources,
    outcomes: ['done'],
    data: closed({ subscription: id('sub'), institution: lei(), position: text(), detail: text() }),
  },
  'signal.stream-changed': {
    about: 'A stream of security events was made, changed or removed (Shared Signals Framework).',
    sources,
    outcomes: ['done'],
    always: ['subject'],
    data: Type.Object(
      { stream: text(), institution: optional(lei()), events: optional(texts()), position: optional(wholeNumber()) },
      { additionalProperties: true },
    ),
  },
  'signal.delivery-suspended': {
    about: 'Security events could not be delivered for too long.',
    sources,
    outcomes: ['done'],
    data: Type.Object({ stream: text() }, { additionalProperties: true }),
  },
} as const satisfies Readonly<Record<string, RecordDescription>>;
