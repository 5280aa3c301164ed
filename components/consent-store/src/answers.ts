import { type Constraints, constraintsSchema } from '@countersign/market';
import { digestSchema, idSchema, instantSchema, leiSchema, recordSchema } from '@countersign/runtime';
import { Type } from 'typebox';

// What the interface answers with.

const closed = { additionalProperties: false };
const party = Type.Object({ lei: leiSchema(), role: Type.String() }, closed);
/** Under a name of its own in the document of the interfaces. */
export const constraints = Type.Unsafe<Constraints>({ ...constraintsSchema, title: 'Constraints' });
const atVersion = Type.Integer({ minimum: 1 });

/** A `Mandate` of the contracts. */
export const mandateAnswer = Type.Object(
  {
    id: idSchema('mandate'),
    version: atVersion,
    kind: Type.Literal('mandate'),
    status: Type.Enum(['proposed', 'active', 'suspended', 'revoked']),
    grantor: party,
    grantee: party,
    parent: Type.Optional(
      Type.Object(
        { id: idSchema('mandate'), version: atVersion },
        { ...closed, description: 'The mandate this one is cut from, at the version that was checked' },
      ),
    ),
    constraints,
    legalBasis: Type.Object({ type: Type.String(), reference: Type.String() }, closed),
    termsHash: digestSchema({ description: 'SHA-256 of the terms document, base64url' }),
    effectiveFrom: instantSchema(),
    effectiveUntil: instantSchema(),
    recordedAt: instantSchema(),
    recordId: recordSchema(),
    previousDigest: Type.Optional(digestSchema({ description: 'Digest of the version before; absent on version 1' })),
    digest: digestSchema({ description: 'SHA-256 over the canonical form (RFC 8785) of every other member' }),
  },
  { ...closed, title: 'Mandate' },
);

export const mandateWithHistory = Type.Object(
  { mandate: mandateAnswer, history: Type.Array(mandateAnswer, { description: 'All versions, oldest first' }) },
  closed,
);

export const mandateList = Type.Object(
  { mandates: Type.Array(mandateAnswer, { maxItems: 200, description: 'Newest versions, by id; at most 200' }) },
  closed,
);

export const validityAnswer = Type.Union([
  Type.Object(
    {
      stands: Type.Literal(true),
      version: atVersion,
      chain: Type.Array(Type.Object({ id: idSchema('mandate'), version: atVersion, digest: digestSchema() }, closed), {
        description: 'Every mandate that the answer rests on, up to the root',
      }),
    },
    closed,
  ),
  Type.Object(
    {
      stands: Type.Literal(false),
      reason: Type.String({ description: 'E.g. `mandate_revoked`, `mandate_venue`' }),
      detail: Type.Optional(Type.String({ description: 'For the parties of the mandate alone: it may tell a limit' })),
      version: Type.Optional(atVersion),
    },
    closed,
  ),
]);
