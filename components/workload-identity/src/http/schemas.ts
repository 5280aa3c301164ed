import { assuranceLevels } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { type TProperties, Type } from 'typebox';
import { evidenceSchema } from '../attestation/evidence.ts';
import { termsSchema } from '../terms.ts';

const closed = <Members extends TProperties>(members: Members, title?: string) =>
  Type.Object(members, { additionalProperties: false, ...defined({ title }) });
const instant = Type.String({ format: 'date-time' });
const digest = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', description: 'SHA-256, base64url' });
const reason = Type.String({ minLength: 1, maxLength: 500 });
const actor = closed({ id: Type.String(), institution: Type.Optional(Type.String()) });
const statuses = ['proposed', 'approved', 'rejected', 'expired'] as const;

export const nameParams = closed({ name: Type.String({ minLength: 1, maxLength: 64 }) });
export const idParams = closed({ id: Type.String({ minLength: 1, maxLength: 64 }) });
export const proposalsQuery = closed({ status: Type.Optional(Type.Enum([...statuses])) });
export const proposeBody = closed({ entry: Type.String({ maxLength: 64 }), terms: termsSchema, reason });
export const approveBody = closed({ digest });
export const rejectBody = closed({ reason });
export const suspendBody = closed({ reason });

const evidence = Type.Array(evidenceSchema, { minItems: 1, maxItems: 8 });
export const svidBody = closed({
  request: Type.String({ maxLength: 16_384, description: 'Certificate request in PEM (PKCS #10, RFC 2986)' }),
  evidence,
});

export const entryAnswer = closed(
  {
    name: Type.String(),
    spiffe_id: Type.String(),
    version: Type.Integer(),
    status: Type.Enum(['active', 'suspended']),
    terms: termsSchema,
    record_id: Type.String(),
  },
  'WorkloadEntry',
);
export const entryList = closed({ entries: Type.Array(entryAnswer) });
export const proposalAnswer = closed(
  {
    id: Type.String(),
    entry: Type.String(),
    status: Type.Enum([...statuses]),
    terms: termsSchema,
    proposed_by: actor,
    proposed_at: instant,
    expires_at: instant,
    reason: Type.String(),
    digest,
    decided_by: Type.Optional(actor),
    decided_at: Type.Optional(instant),
  },
  'WorkloadProposal',
);
export const proposalList = closed({ proposals: Type.Array(proposalAnswer) });
export const svidAnswer = closed(
  {
    spiffe_id: Type.String(),
    pem: Type.String({ description: 'The X.509-SVID and the certificate of its authority, PEM' }),
    bundle: Type.String({ description: 'Roots of the trust domain, PEM' }),
    not_after: instant,
    serial: Type.String(),
    level: Type.Enum([...assuranceLevels]),
    evidence: digest,
    record_id: Type.String({ description: 'Record of the attestation' }),
  },
  'Svid',
);
export const standingQuery = closed({
  attestation: Type.Optional(
    Type.String({ maxLength: 64, description: 'Record of the attestation behind the current certificate' }),
  ),
});
export const standingAnswer = closed(
  {
    standing: Type.Enum(['active', 'renew', 'ended']),
    reason: Type.Optional(Type.String({ description: 'Error code' })),
    detail: Type.Optional(Type.String()),
  },
  'WorkloadStanding',
);

export const tokenBody = closed({
  audiences: Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { minItems: 1, maxItems: 8 }),
  evidence,
});
export const tokenAnswer = closed(
  { spiffe_id: Type.String(), token: Type.String(), expires_at: instant, record_id: Type.String() },
  'JwtSvid',
);
export const bundleAnswer = Type.Object(
  {
    keys: Type.Array(Type.Record(Type.String(), Type.Unknown())),
    spiffe_sequence: Type.Optional(Type.Integer()),
    spiffe_refresh_hint: Type.Integer({ description: 'Seconds' }),
  },
  { additionalProperties: false, title: 'SpiffeBundle' },
);
