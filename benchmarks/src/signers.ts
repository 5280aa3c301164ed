import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { type KeyPurpose, type PublicKey, type Signer, signerErrors } from '@countersign/contracts';

/** A key for what lives for minutes. */
export function memorySigner(purpose: KeyPurpose): Signer {
  return keptSigner(purpose, generateKeyPairSync('ed25519').privateKey);
}

/** An Ed25519 key that somebody keeps. */
export function keptSigner(purpose: KeyPurpose, privateKey: KeyObject): Signer {
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
  if (x === undefined) throw new Error('an Ed25519 key without its public half');
  const key: PublicKey = {
    kid: 'benchmark',
    algorithm: 'EdDSA',
    purpose,
    state: 'active',
    jwk: { kty: 'OKP', crv: 'Ed25519', x },
  };
  return {
    current: async () => key,
    sign: async (_purpose, kid, data) => ({ kid, algorithm: 'EdDSA', signature: sign(null, data, privateKey) }),
    publicKeys: async () => [key],
    rotate: async () => {
      throw signerErrors.error('signing_key_unavailable', 'The key of a benchmark is not rotated.');
    },
    withdraw: async () => {
      throw signerErrors.error('signing_key_unknown', 'The key of a benchmark is not withdrawn.');
    },
  };
}
