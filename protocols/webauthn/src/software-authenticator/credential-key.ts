import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { reimported } from '@countersign/kernel/key-pairs';
import type { PublicJwk } from '../cose-key.ts';

export type SoftwareAlgorithm = 'ES256' | 'ES384' | 'ES512' | 'EdDSA' | 'RS256';

export interface CredentialKey {
  readonly jwk: PublicJwk;
  sign(data: Uint8Array): Buffer;
  /** Includes the private key. */
  save(): Readonly<Record<string, string>>;
}

export function generateCredentialKey(algorithm: SoftwareAlgorithm): CredentialKey {
  switch (algorithm) {
    case 'ES256':
      return credentialKey(reimported(generateKeyPairSync('ec', { namedCurve: 'P-256' })).privateKey);
    case 'ES384':
      return credentialKey(reimported(generateKeyPairSync('ec', { namedCurve: 'P-384' })).privateKey);
    case 'ES512':
      return credentialKey(reimported(generateKeyPairSync('ec', { namedCurve: 'P-521' })).privateKey);
    case 'EdDSA':
      return credentialKey(reimported(generateKeyPairSync('ed25519')).privateKey);
    case 'RS256':
      return credentialKey(reimported(generateKeyPairSync('rsa', { modulusLength: 2048 })).privateKey);
  }
}

export function restoreCredentialKey(jwk: Readonly<Record<string, string>>): CredentialKey {
  return credentialKey(createPrivateKey({ key: { ...jwk }, format: 'jwk' }));
}

/** RFC 9053 section 2.1. Default: SHA-256. */
const hashOfCurve: ReadonlyMap<string | undefined, string> = new Map([
  ['P-384', 'sha384'],
  ['P-521', 'sha512'],
]);

const publicMembers = ['kty', 'crv', 'x', 'y', 'n', 'e'] as const;

function credentialKey(key: KeyObject): CredentialKey {
  const whole = Object.fromEntries(
    Object.entries(key.export({ format: 'jwk' })).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );
  return {
    jwk: Object.fromEntries(
      publicMembers.flatMap((name) => (whole[name] === undefined ? [] : [[name, whole[name]] as const])),
    ),
    // As authenticators do: ECDSA in DER, RSA with PKCS #1 v1.5.
    sign: (data) => sign(whole['kty'] === 'OKP' ? null : (hashOfCurve.get(whole['crv']) ?? 'sha256'), data, key),
    save: () => whole,
  };
}
