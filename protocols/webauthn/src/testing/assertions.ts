import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import type { PublicJwk } from '../cose-key.ts';
import type { AssertionOctets } from '../verify-assertion.ts';

/** A key that signs any input, as no real authenticator would. */
export interface FaithlessKey {
  readonly name: string;
  readonly jwk: PublicJwk;
  assert(authenticatorData: Uint8Array, clientDataJSON: Uint8Array): AssertionOctets;
}

export const faithlessKeys: readonly FaithlessKey[] = [
  faithless('ES256', 'sha256', generateKeyPairSync('ec', { namedCurve: 'P-256' })),
  faithless('EdDSA', null, generateKeyPairSync('ed25519')),
  faithless('RS256', 'sha256', generateKeyPairSync('rsa', { modulusLength: 2048 })),
  faithless('ES384', 'sha384', generateKeyPairSync('ec', { namedCurve: 'P-384' })),
  faithless('ES512', 'sha512', generateKeyPairSync('ec', { namedCurve: 'P-521' })),
];

function faithless(
  name: string,
  hash: string | null,
  { publicKey, privateKey }: ReturnType<typeof generateKeyPairSync>,
): FaithlessKey {
  return {
    name,
    jwk: JSON.parse(JSON.stringify(publicKey.export({ format: 'jwk' }))) as PublicJwk,
    assert: (authenticatorData, clientDataJSON) => ({
      authenticatorData,
      clientDataJSON,
      signature: sign(
        hash,
        Buffer.concat([authenticatorData, createHash('sha256').update(clientDataJSON).digest()]),
        privateKey,
      ),
    }),
  };
}

export interface AuthenticatorDataParts {
  readonly rpId?: string;
  /** The octet; user present and verified when left out. */
  readonly flags?: number;
  readonly counter?: number;
  readonly tail?: Uint8Array;
}

export const service = { rpId: 'id.example.com', origins: ['https://id.example.com'] } as const;
export const challenge = Buffer.alloc(32, 7).toString('base64url');

export function authenticatorDataOf({
  rpId = service.rpId,
  flags = 0x05,
  counter = 1,
  tail = new Uint8Array(),
}: AuthenticatorDataParts = {}): Uint8Array {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags);
  head.writeUInt32BE(counter, 1);
  return Buffer.concat([createHash('sha256').update(rpId).digest(), head, tail]);
}

export function clientDataOf(members: object = {}): Uint8Array {
  return Buffer.from(JSON.stringify({ type: 'webauthn.get', challenge, origin: service.origins[0], ...members }));
}
