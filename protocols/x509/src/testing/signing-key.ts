import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { NewSignature } from '../index.ts';
import type { SigningAlgorithm } from '../signatures/sign-algorithms.ts';

export interface SigningKey {
  readonly algorithm: SigningAlgorithm;
  /** SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  readonly privateKey: KeyObject;
  readonly sign: (octets: Uint8Array) => NewSignature;
}

const generate = {
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  PS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
} as const;
const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
const options = { ES256: { dsaEncoding: 'ieee-p1363' }, ES384: { dsaEncoding: 'ieee-p1363' }, PS256: pss } as const;
const hashes = { ES256: 'sha256', ES384: 'sha384', EdDSA: null, RS256: 'sha256', PS256: 'sha256' } as const;

/** A key that signs in JOSE form, as the signers of the product do. */
export function signingKey(algorithm: SigningAlgorithm = 'ES256'): SigningKey {
  const { publicKey, privateKey } = generate[algorithm]();
  const padding = algorithm === 'EdDSA' || algorithm === 'RS256' ? {} : options[algorithm];
  return {
    algorithm,
    publicKey: publicKey.export({ format: 'der', type: 'spki' }),
    privateKey,
    sign: (octets) => ({ algorithm, signature: sign(hashes[algorithm], octets, { key: privateKey, ...padding }) }),
  };
}
