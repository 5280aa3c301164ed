import { claimPatterns } from './claims.ts';
import { envelopeBounds } from './envelope.ts';

const id = (prefix: string) => ({ type: 'string', pattern: `^${prefix}_[0-9a-hjkmnp-tv-z]{26}$` }) as const;
const text = (pattern: RegExp, maxLength = 512) => ({ type: 'string', pattern: pattern.source, maxLength }) as const;
const count = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;
const seconds = { type: 'integer', minimum: 0, maximum: 253_402_300_799 } as const;
const digest = text(claimPatterns.reference);

function listOfUpTo<const Members extends object>(
  maxItems: number,
  properties: Members,
  required: readonly (keyof Members & string)[],
) {
  return {
    type: 'array',
    maxItems,
    items: { type: 'object', properties, required, additionalProperties: false },
  } as const;
}

const properties = {
  iss: { ...text(claimPatterns.issuer), description: 'Issuer: the control plane that holds the transaction' },
  iat: { ...seconds, description: 'Time of issue, in seconds since the epoch' },
  exp: { ...seconds, description: 'Expiry, in seconds since the epoch: at most 3,600 after iat' },
  jti: { ...id('rec'), description: 'Record of its issue' },
  txn: { ...id('txn'), description: 'Transaction' },
  st: { ...text(claimPatterns.state), description: 'State of the transaction at issue' },
  ver: { ...count, description: 'Number of transitions at issue' },
  int: { ...text(claimPatterns.intentType), description: 'Type of the intent (authorization detail, RFC 9396)' },
  dig: { ...digest, description: 'SHA-256 over the canonical form of the intent' },
  sub: { ...digest, description: 'Reference of the initiator' },
  lei: { ...text(claimPatterns.lei), description: 'Institution of the initiator' },
  via: {
    ...listOfUpTo(envelopeBounds.actors, { ref: digest, lei: text(claimPatterns.lei) }, ['ref']),
    description: 'Acting chain after the subject, newest first',
  },
  mnd: {
    ...listOfUpTo(envelopeBounds.mandates, { id: id('mnd'), ver: count, dig: digest }, ['id', 'ver']),
    description: 'Mandates, from the one held by the acting institution up to the root, with the versions in force',
  },
  apr: {
    ...listOfUpTo(envelopeBounds.approvals, { id: id('apr'), rec: id('rec') }, ['id', 'rec']),
    description: 'Valid approvals, with their records',
  },
  dec: {
    ...listOfUpTo(envelopeBounds.decisions, { id: id('dec'), rec: id('rec'), pol: count }, ['rec']),
    description: 'Decisions on its steps, with their records and policy versions',
  },
  mode: { enum: ['manual', 'automatic'], description: 'Initiated by a person, or by an agent without a person' },
} as const;

/** JSON Schema (2020-12) of the claims of an envelope, for verifiers in other languages. */
export const envelopeSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'urn:countersign:schema:identity-envelope:v1',
  title: 'Identity envelope',
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
} as const;
