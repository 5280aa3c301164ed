import type { CodedError } from '@countersign/kernel';
import {
  type ClaimRefusal,
  checkClaims,
  hasType,
  type JwsRefusal,
  parseCompactJws,
  type VerificationKey,
  verifyJws,
} from '@countersign/oauth/signatures';
import { parseEnvelope } from './claims.ts';
import {
  type EnvelopeExpectations,
  envelopeErrors,
  envelopeType,
  type IdentityEnvelope,
  maxEnvelopeLength,
} from './envelope.ts';

const refuseJws: JwsRefusal = (problem, detail) =>
  refuse(problem === 'signature' ? 'envelope_signature' : 'envelope_malformed', detail);

const refuseClaims: ClaimRefusal = (fault, detail) =>
  refuse(fault === 'issuer' ? 'envelope_issuer' : 'envelope_expired', detail);

/**
 * Verifies an envelope and that it belongs to its message. It grants nothing.
 *
 * @param keyOf the issuer's key for this `kid`, or undefined
 *
 * @throws CodedError of {@link envelopeErrors}
 */
export function verifyEnvelope(
  text: string,
  keyOf: (kid: string) => VerificationKey | undefined,
  expected: EnvelopeExpectations,
): IdentityEnvelope {
  const jws = parseCompactJws(text, refuseJws, { maxLength: maxEnvelopeLength });
  if (!hasType(jws.header, envelopeType)) throw refuse('envelope_malformed', `Its typ must be ${envelopeType}.`);
  if (jws.header.alg === 'PS256') throw refuse('envelope_malformed', 'Its alg must be ES256 or EdDSA.');
  const key = jws.header.kid === undefined ? undefined : keyOf(jws.header.kid);
  if (key === undefined) throw refuse('envelope_key_unknown', 'Its kid is not a current key of the issuer.');
  const claims = verifyJws(jws, key, refuseJws);
  const envelope = parseEnvelope(claims);
  const { issuer, now } = expected;
  checkClaims(claims, { nowSeconds: now / 1000, required: ['exp', 'iat'], issuer }, refuseClaims);
  if (expected.transaction !== undefined && envelope.transaction !== expected.transaction)
    throw refuse('envelope_transaction', 'It belongs to another transaction than the message.');
  if (expected.intentDigest !== undefined && envelope.intentDigest !== expected.intentDigest)
    throw refuse('envelope_intent', 'Its intent differs from the message. A field was changed.');
  return envelope;
}

function refuse(code: keyof typeof envelopeErrors.codes, detail: string): CodedError {
  return envelopeErrors.error(code, `The envelope is not accepted. ${detail}`);
}
