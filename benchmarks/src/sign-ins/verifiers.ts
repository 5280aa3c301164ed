import type { AuthenticationResponse } from '@countersign/webauthn/software-authenticator';
import { type VerifyAuthenticationResponseOpts, verifyAuthenticationResponse } from '@simplewebauthn/server';
import type { Contender } from '../measure.ts';
import type { Pace } from '../pace.ts';
import { timed } from '../timed.ts';
import { type BareHolder, bareKey, challenge, verifiesBarely } from './bare-sign-in.ts';

/**
 * What the one signature costs, by a lone caller and over the same bytes: by `node:crypto` with its key at hand, and by
 * `verifyAuthenticationResponse` of @simplewebauthn/server with everything else that the library looks at.
 */
export function verifiers(
  holder: BareHolder,
  origin: string,
  pace: Pick<Pace, 'warmUpSeconds'>,
): readonly [floor: Contender, peer: Contender] {
  const { key, jwk } = holder;
  const expectedChallenge = challenge();
  const rpId = new URL(origin).hostname;
  const assertion = key.get({ challenge: expectedChallenge, rpId, allowCredentials: [] });
  const kept = bareKey(holder);
  const asked: VerifyAuthenticationResponseOpts = {
    response: responseOf(assertion),
    expectedChallenge,
    expectedOrigin: origin,
    expectedRPID: rpId,
    credential: { id: assertion.id, publicKey: coseOf(jwk), counter: 0 },
  };
  return [
    timed('floor: the signature alone, node:crypto', pace, () => {
      if (!verifiesBarely(assertion, kept)) throw new Error('a signature that does not verify');
    }),
    timed('peer: @simplewebauthn/server alone', pace, async () => {
      if (!(await verifyAuthenticationResponse(asked)).verified) throw new Error('the peer refuses an assertion');
    }),
  ];
}

function responseOf({ id, response }: AuthenticationResponse): VerifyAuthenticationResponseOpts['response'] {
  return { id, rawId: id, type: 'public-key', clientExtensionResults: {}, response };
}

/** An ES256 key as COSE has it (RFC 9053 section 7.1.1): {1: 2, 3: -7, -1: 1, -2: x, -3: y}. */
function coseOf({ x = '', y = '' }: BareHolder['jwk']): Uint8Array<ArrayBuffer> {
  const parts = [
    Buffer.from('a5010203262001215820', 'hex'),
    Buffer.from(x, 'base64url'),
    Buffer.from('225820', 'hex'),
    Buffer.from(y, 'base64url'),
  ];
  return Uint8Array.from(Buffer.concat(parts));
}
