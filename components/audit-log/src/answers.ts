import { recordTypes } from '@countersign/contracts';
import { bundleFormat, bundleFormatWithHandovers, bundleLimits } from '@countersign/evidence';
import { digestSchema, idSchema, instantSchema } from '@countersign/runtime';
import { Type } from 'typebox';

const closed = { additionalProperties: false };
const index = Type.String({ pattern: '^(?:0|[1-9][0-9]{0,18})$', description: 'Place in the log' });
const texts = Type.Array(Type.String());
const version = Type.Integer({ minimum: 1 });
const actor = Type.Object(
  { id: Type.String(), institution: Type.Optional(Type.String({ description: 'LEI' })) },
  { ...closed, title: 'Actor' },
);

const recordAnswer = Type.Object(
  {
    v: Type.Enum([1, 2]),
    id: idSchema('record'),
    time: instantSchema({ description: 'Set by the log; never earlier than that of the record before' }),
    stream: Type.Optional(Type.String({ description: 'The stream of the process that wrote it' })),
    number: Type.Optional(Type.Integer({ minimum: 1, description: 'Its number there, without gaps' })),
    clock: Type.Optional(Type.String({ description: 'The record that says how good its time was' })),
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
    zone: Type.Optional(Type.String({ description: 'Network zone of the listener' })),
    device: Type.Optional(Type.String({ description: 'By its id in the directory' })),
    partner: Type.Optional(Type.String({ description: 'LEI' })),
    certificate: Type.Optional(Type.Object({ serial: Type.String(), thumbprint: Type.String() }, closed)),
    intent: Type.Optional(digestSchema({ description: 'Digest of the canonical intent' })),
    payload: Type.Optional(digestSchema()),
    standing: Type.Optional(
      Type.Array(Type.Object({ of: Type.String(), digest: Type.Optional(digestSchema()) }, closed), {
        description: 'How the things that the record is about stand from now on; without a digest one has ended',
      }),
    ),
    data: Type.Optional(Type.Unknown({ description: 'Facts of this type of record' })),
    protected: Type.Optional(
      Type.Record(
        Type.String(),
        Type.Object(
          {
            kind: Type.Enum(['personal', 'strategy']),
            key: Type.String({ description: 'Under which it is kept' }),
            commitment: digestSchema({ description: 'SHA-256 over salt and canonical JSON text' }),
            ciphertext: digestSchema({ description: 'Of what is kept beside the record' }),
          },
          closed,
        ),
        { description: 'Values that only a few readers receive, by JSON pointer' },
      ),
    ),
  },
  { ...closed, title: 'EvidenceRecord' },
);

const disclosure = Type.Object(
  {
    record: idSchema('record'),
    path: Type.String({ description: 'JSON pointer' }),
    salt: digestSchema({ description: '32 bytes' }),
    text: Type.String({ description: 'Canonical JSON text (RFC 8785) of the value' }),
  },
  { ...closed, title: 'Disclosure' },
);

export const recordList = Type.Object(
  {
    records: Type.Array(
      Type.Object(
        {
          index,
          record: recordAnswer,
          values: Type.Optional(
            Type.Record(Type.String(), Type.Enum(['disclosed', 'withheld', 'erased', 'other_region', 'altered']), {
              description: 'What became of each protected value, by JSON pointer',
            }),
          ),
          disclosures: Type.Optional(Type.Array(disclosure, { description: 'By which the commitments are checked' })),
        },
        closed,
      ),
      { maxItems: 1000 },
    ),
    next: Type.Optional(Type.String({ description: '`after` of the next question; absent at the end' })),
    evidence: Type.Optional(Type.String({ description: 'The record of this reading' })),
  },
  closed,
);

const note = Type.String({ minLength: 1, maxLength: bundleLimits.noteLength, description: 'C2SP signed note' });
const proof = Type.Array(digestSchema(), { maxItems: bundleLimits.proofHashes });

export const bundleAnswer = Type.Object(
  {
    format: Type.Enum([bundleFormat, bundleFormatWithHandovers]),
    transaction: idSchema('transaction'),
    log: Type.Object({ origin: Type.String(), verifierKey: Type.String() }, closed),
    checkpoint: note,
    manifest: Type.Array(idSchema('record'), { minItems: 1, maxItems: bundleLimits.manifests }),
    records: Type.Array(
      Type.Object(
        {
          index,
          leaf: Type.Optional(
            Type.String({ pattern: '^[A-Za-z0-9_-]+$', description: 'The exact bytes of the record, base64url' }),
          ),
          leafHash: Type.Optional(
            Type.String({
              pattern: '^[A-Za-z0-9_-]{43}$',
              description: 'Instead of the bytes, where the log no longer keeps them: a log.pruned record says so',
            }),
          ),
          proof,
        },
        closed,
      ),
      { maxItems: bundleLimits.records + bundleLimits.manifests },
    ),
    consistency: Type.Optional(Type.Object({ checkpoint: note, proof }, closed)),
    disclosures: Type.Optional(Type.Array(disclosure, { maxItems: bundleLimits.disclosures })),
    timeStamps: Type.Optional(
      Type.Array(
        Type.Object(
          {
            checkpoint: note,
            token: Type.String({ pattern: '^[A-Za-z0-9_-]+$', description: 'DER of an RFC 3161 token, base64url' }),
            proof,
          },
          closed,
        ),
        { maxItems: bundleLimits.timeStamps, description: 'Over earlier checkpoints: what lies below existed then' },
      ),
    ),
    handovers: Type.Optional(
      Type.Array(
        Type.Object(
          {
            checkpoint: note,
            leaf: Type.String({ pattern: '^[A-Za-z0-9_-]+$', description: 'The record log.key-rotated, base64url' }),
            proof,
            consistency: proof,
          },
          closed,
        ),
        { maxItems: 32, description: 'Between the keys that the log has had, oldest first' },
      ),
    ),
  },
  { ...closed, title: 'EvidenceBundle' },
);

export const binaryAnswer = Type.String({ format: 'binary' });
