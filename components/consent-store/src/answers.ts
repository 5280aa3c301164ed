import {
  type Caller,
  consentErrors,
  type Mandate,
  type MandateAnswer,
  mandateKinds,
  mandateParts,
  mandateStatuses,
} from '@countersign/contracts';
import { type Constraints, constraintsSchema } from '@countersign/market';
import { digestSchema, idSchema, instantSchema, leiSchema, recordSchema } from '@countersign/runtime';
import { Type } from 'typebox';
import { concernedBy } from './terms.ts';

const closed = { additionalProperties: false };
const party = Type.Object({ lei: leiSchema(), role: Type.String() }, closed);
/** Has its own name in the OpenAPI document. */
export const constraints = Type.Unsafe<Constraints>({ ...constraintsSchema, title: 'Constraints' });
const atVersion = Type.Integer({ minimum: 1 });

const termsMembers = {
  kind: Type.Enum([...mandateKinds]),
  grantor: party,
  grantee: party,
  thirdParty: Type.Optional(party),
  parent: Type.Optional(
    Type.Object(
      { id: idSchema('mandate'), version: atVersion, digest: Type.Optional(digestSchema()) },
      { ...closed, description: 'The parent mandate, at the version that was checked' },
    ),
  ),
  constraints,
  legalBasis: Type.Object({ type: Type.String(), reference: Type.String() }, closed),
  termsHash: digestSchema({ description: 'SHA-256 of the terms document, base64url' }),
  effectiveFrom: instantSchema(),
  effectiveUntil: instantSchema(),
};

const consent = Type.Object(
  {
    part: Type.Enum([...mandateParts]),
    lei: leiSchema(),
    signatory: Type.String({ description: 'Principal id' }),
    authority: Type.Enum(['sole', 'joint'], { description: 'Binds alone, or together with a second signatory' }),
    termsDigest: digestSchema({ description: 'SHA-256 over the canonical form of the terms that were consented to' }),
    at: instantSchema(),
    recordId: recordSchema(),
  },
  { ...closed, title: 'MandateConsent' },
);

const amendment = Type.Object(
  {
    kind: Type.Enum(['amendment', 'counterparty-change']),
    terms: Type.Object(termsMembers, closed),
    termsDigest: digestSchema({ description: 'The digest that a consent to the amendment must name' }),
    consents: Type.Array(consent),
    proposedAt: instantSchema(),
    recordId: recordSchema(),
  },
  {
    ...closed,
    title: 'MandateAmendment',
    description: 'Proposed terms that await consents; the present terms stay in force',
  },
);

export const mandateAnswer = Type.Object(
  {
    id: idSchema('mandate'),
    version: atVersion,
    status: Type.Enum([...mandateStatuses]),
    ...termsMembers,
    consents: Type.Array(consent, { description: 'The consents to the terms' }),
    amendment: Type.Optional(amendment),
    heldFrom: Type.Optional(
      Type.Integer({ minimum: 2, description: 'The version in which the present grantee replaced another' }),
    ),
    recordedAt: instantSchema(),
    recordId: recordSchema(),
    previousDigest: Type.Optional(digestSchema({ description: 'Digest of the version before; absent on version 1' })),
    digest: digestSchema({ description: 'SHA-256 over the canonical form (RFC 8785) of everything but the signature' }),
    signature: Type.Optional(
      Type.Object(
        {
          kid: Type.String({ description: 'Of a key under `/mandates/keys`' }),
          algorithm: Type.Enum(['ES256', 'EdDSA', 'PS256']),
          value: Type.String({ description: 'base64url, over the UTF-8 bytes of the digest' }),
        },
        closed,
      ),
    ),
  },
  { ...closed, title: 'Mandate' },
);

const history = Type.Array(mandateAnswer, { description: 'All versions, oldest first' });
export const mandateWithHistory = Type.Object({ mandate: mandateAnswer, history }, closed);
export const mandateVersions = Type.Object({ versions: history }, closed);

export const mandateList = Type.Object(
  { mandates: Type.Array(mandateAnswer, { maxItems: 200, description: 'Newest versions, by id; at most 200' }) },
  closed,
);

export const validityAnswer = Type.Union([
  Type.Object(
    {
      valid: Type.Literal(true),
      version: atVersion,
      chain: Type.Array(Type.Object({ id: idSchema('mandate'), version: atVersion, digest: digestSchema() }, closed), {
        description: 'Every mandate that the answer rests on, up to the root',
      }),
    },
    closed,
  ),
  Type.Object(
    {
      valid: Type.Literal(false),
      reason: Type.String({ description: 'E.g. `mandate_revoked`, `mandate_venue`' }),
      detail: Type.Optional(
        Type.String({ description: 'Shown to parties of the mandate only, because it may reveal a limit' }),
      ),
      version: Type.Optional(atVersion),
    },
    closed,
  ),
]);

const driftSide = { version: Type.Integer(), digest: Type.String() };
export const driftList = Type.Object(
  {
    drifts: Type.Array(
      Type.Object(
        {
          id: Type.String(),
          kind: Type.Enum(['unknown-here', 'behind', 'differs', 'missing-there']),
          theirs: Type.Optional(Type.Object(driftSide, closed)),
          ours: Type.Optional(Type.Object({ ...driftSide, status: Type.Enum([...mandateStatuses]) }, closed)),
        },
        closed,
      ),
      { description: 'How the copies differ; empty when they do not' },
    ),
  },
  closed,
);

export function validityFor(isParty: boolean, answer: MandateAnswer) {
  if (answer.valid)
    return {
      valid: true,
      version: answer.mandate.version,
      chain: answer.chain.map(({ id, version, digest }) => ({ id, version, digest })),
    };
  return {
    valid: false,
    reason: answer.reason,
    // The detail may reveal a limit, so only parties of the mandate see it.
    ...(isParty ? { detail: answer.detail } : {}),
    ...(answer.mandate === undefined ? {} : { version: answer.mandate.version }),
  };
}

/** Whether the caller's institution is a party, or would become one by the pending amendment. */
export function isParty(mandate: Mandate, { institution }: Caller): boolean {
  return [...concernedBy(mandate)].some((lei) => lei === institution);
}

export function notFound() {
  return consentErrors.error('mandate_not_found', 'The mandate does not exist, or you have no access to it.');
}
