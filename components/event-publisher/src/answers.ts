import { eventTopics } from '@countersign/contracts';
import { idSchema, instantSchema, leiSchema, recordSchema } from '@countersign/runtime';
import { Type } from 'typebox';

const closed = { additionalProperties: false };
export const topic = Type.Enum([...eventTopics]);
export const position = Type.String({ pattern: '^[0-9]{20}$', description: 'Place in the log; pass it on as `after`' });

export const eventAnswer = Type.Object(
  {
    specversion: Type.Literal('1.0'),
    id: recordSchema({ description: 'The record: an event that comes twice has the same' }),
    source: Type.String({ description: 'Origin of the log' }),
    type: Type.String({ description: '`countersign.` and the type of the record' }),
    subject: Type.String({ description: 'Id of what it is about' }),
    time: instantSchema(),
    datacontenttype: Type.Literal('application/json'),
    sequence: position,
    data: Type.Unknown(),
  },
  { ...closed, title: 'CloudEvent', description: 'CloudEvents 1.0.2, JSON format' },
);

export const pageAnswer = Type.Object({ events: Type.Array(eventAnswer, { maxItems: 500 }), position }, closed);

export const subscriptionAnswer = Type.Object(
  {
    id: idSchema('subscription'),
    institution: leiSchema(),
    url: Type.String(),
    topics: Type.Array(topic),
    status: Type.Enum(['active', 'suspended'], {
      description: '`suspended`: it could not be delivered for three days, or answered 410. It goes on where it was.',
    }),
    position,
    createdAt: instantSchema(),
    attempts: Type.Integer({ minimum: 0, description: 'Of the event that is being delivered' }),
    lastFailure: Type.Optional(Type.Object({ at: instantSchema(), detail: Type.String() }, closed)),
  },
  { ...closed, title: 'EventSubscription' },
);

export const subscriptionList = Type.Object({ subscriptions: Type.Array(subscriptionAnswer) }, closed);
