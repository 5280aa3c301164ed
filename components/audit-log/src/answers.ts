import { recordTypes } from '@countersign/contracts';
import { bundleFormat, bundleLimits } from '@countersign/evidence';
import { digestSchema, idSchema, instantSchema } from '@countersign/runtime';
import { Type } from 'typebox';

// What the interface answers with. A bundle has a JSON Schema of its own beside its reader (protocols/evidence).

const closed = { additionalProperties: false };
const index = Type.String({ pattern: '^(?:0|[1-9][0-9]{0,18})$', description: 'Place in the log' });
const texts = Type.Array(Type.String());
const version = Type.Integer({ minimum: 1 });
const actor = Type.Object(
  { id: Type.String(), institution: Type.Optional(Type.String({ description: 'LEI' })) },
  { ...closed, title: 'Actor' },
);

/** `EvidenceRecord` of the contracts. */
const recordAnswer = Type.Object(
  {
    v: Type.Literal(1),
    id: idSchema('record'),
    time: instantSchema({ description: 'Set by the log; never earlier than that of the record before' }),
    type: Type.Enum([...recordTypes]),
    source: Type.String({ description: 'The component that wrote it' }),
    outcome: Type.Enum(['permit', 'deny', 'done']),
    reason: Type.Optional(Type.String({ description: 'Error code of a `deny`' })),
    transaction: Type.Optional(idSchema('transaction')),
    references: Type.Optional(Type.Array(idSchema('record'), { description: 'Records that this one rests on' })),
    subject: Type.Optional(actor),
    actors: Type.Optional(Type.Array(actor, { description: 'The acting chain, current actor first' })),
    client: Type.Optional(Type.String()),
    audience: Type.Optional(texts),
    scope: Type.Optional(texts),
    mandate: Type.Optional(Type.Object({ id: Type.String(), version }, closed)),
    policy: Type.Optional(Type.Object({ version, hash: digestSchema() }, closed)),
    authentication: Type.Optional(
      Type.Object(
        {
          issuer: Type.Optional(Type.String()),
          method: Type.Optional(Type.String()),
          acr: Type.Optional(Type.String()),
          amr: Type.Optional(texts),
          authTime: Type.Optional(Type.Integer({ description: 'Seconds since the epoch' })),
        },
        closed,
      ),
    ),
    address: Type.Optional(Type.String({ description: 'Source address as the listener saw it' })),
    intent: Type.Optional(digestSchema({ description: 'Digest of the canonical intent' })),
    payload: Type.Optional(digestSchema()),
    data: Type.Optional(Type.Unknown({ description: 'Facts of this type of record' })),
  },
  { ...closed, title: 'EvidenceRecord' },
);

export const recordList = Type.Object(
  { records: Type.Array(Type.Object({ index, record: recordAnswer }, closed), { maxItems: 1000 }) },
  closed,
);

const note = Type.String({ minLength: 1, maxLength: bundleLimits.noteLength, description: 'C2SP signed note' });
const proof = Type.Array(digestSchema(), { maxItems: bundleLimits.proofHashes });

export const bundleAnswer = Type.Object(
  {
    format: Type.Literal(bundleFormat),
    transaction: idSchema('transaction'),
    log: Type.Object({ origin: Type.String(), verifierKey: Type.String() }, closed),
    checkpoint: note,
    manifest: Type.Array(idSchema('record'), { minItems: 1, maxItems: bundleLimits.manifests }),
    records: Type.Array(
      Type.Object(
        {
          index,
          leaf: Type.String({ pattern: '^[A-Za-z0-9_-]+$', description: 'The exact bytes of the record, base64url' }),
          proof,
        },
        closed,
      ),
      { maxItems: bundleLimits.records + bundleLimits.manifests },
    ),
    consistency: Type.Optional(Type.Object({ checkpoint: note, proof }, closed)),
  },
  { ...closed, title: 'EvidenceBundle' },
);

/** Bytes. */
export const binaryAnswer = Type.String({ format: 'binary' });
