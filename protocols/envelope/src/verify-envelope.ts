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
 * Verifies an envelope that came with a message, and that it belongs to this message. What it says of the
 * transaction was true when it was issued; it grants nothing.
 *
 * In this order: size and form, type, key, signature, claims, issuer, time, transaction, intent.
 *
 * @param keyOf the issuer's key for envelopes with this `kid`, or undefined
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
  if (key === undefined) throw refuse('envelope_key_unknown', 'It names no key of the issuer that is in use.');
  const claims = verifyJws(jws, key, refuseJws);
  const envelope = parseEnvelope(claims);
  const { issuer, now } = expected;
  checkClaims(claims, { nowSeconds: now / 1000, required: ['exp', 'iat'], issuer }, refuseClaims);
  if (expected.transaction !== undefined && envelope.transaction !== expected.transaction)
    throw refuse('envelope_transaction', 'It is of another transaction than the message.');
  if (expected.intentDigest !== undefined && envelope.intentDigest !== expected.intentDigest)
    throw refuse('envelope_intent', 'It is of another intent than the message: a field of one of them was changed.');
  return envelope;
}

function refuse(code: keyof typeof envelopeErrors.codes, detail: string): CodedError {
  return envelopeErrors.error(code, `The envelope is not accepted. ${detail}`);
}
