import { type EncodedHeader, encodeHeader, signCompactJws } from '@countersign/oauth/signatures';
import { envelopeClaims } from './claims.ts';
import { envelopeBounds, envelopeErrors, envelopeType, type IdentityEnvelope, maxEnvelopeLength } from './envelope.ts';

export function envelopeJwsHeader(key: { readonly kid: string; readonly algorithm: 'ES256' | 'EdDSA' }): EncodedHeader {
  return encodeHeader({ alg: key.algorithm, typ: envelopeType, kid: key.kid });
}

/**
 * @param header of {@link envelopeJwsHeader}, for the key that `sign` uses
 *
 * @throws CodedError `envelope_too_large` if `verifyEnvelope` would refuse it
 */
export async function signEnvelope(
  envelope: IdentityEnvelope,
  header: EncodedHeader,
  sign: (signingInput: Uint8Array) => Promise<Uint8Array>,
): Promise<string> {
  for (const list of ['actors', 'mandates', 'approvals', 'decisions'] as const) {
    if (envelope[list].length > envelopeBounds[list])
      throw envelopeErrors.error(
        'envelope_too_large',
        `An envelope can have at most ${envelopeBounds[list]} ${list}, but this one would have ${envelope[list].length}.`,
      );
  }
  const text = await signCompactJws(envelopeClaims(envelope), header, sign);
  if (text.length > maxEnvelopeLength)
    throw envelopeErrors.error(
      'envelope_too_large',
      `An envelope can have at most ${maxEnvelopeLength} characters, but this one would have ${text.length}.`,
    );
  return text;
}
