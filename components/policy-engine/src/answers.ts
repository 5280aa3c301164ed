import { digestSchema, instantSchema, recordSchema } from '@countersign/runtime';
import { Type } from 'typebox';

const closed = { additionalProperties: false };

/** `PolicyVersion` of the contracts, with the schema that its policies are validated against. */
export const policyVersionAnswer = Type.Object(
  {
    version: Type.Integer({ minimum: 1 }),
    hash: digestSchema({ description: 'Of the whole set: decisions, tokens and records name it' }),
    publishedAt: instantSchema(),
    recordId: recordSchema({ description: 'The record of its publication, which holds the texts' }),
    schemaText: Type.String({ description: 'Cedar schema' }),
    policies: Type.Array(
      Type.Object(
        {
          id: Type.String(),
          effect: Type.Enum(['permit', 'forbid']),
          text: Type.String({ description: 'Cedar' }),
        },
        closed,
      ),
    ),
  },
  { ...closed, title: 'PolicyVersion' },
);
