import { constants, createHash, createPublicKey, verify } from 'node:crypto';
import type { HashName, SignatureScheme } from './algorithms.ts';
import { isSchemeOfKey, readPublicKey } from './public-key.ts';

export function hashOf(name: HashName, data: Uint8Array): Uint8Array {
  return createHash(name).update(data).digest();
}

/**
 * Verifies a signature over `data`. False also for keys that `readPublicKey` refuses, keys of another kind than the
 * scheme, and malformed signatures.
 *
 * @param publicKey DER of a SubjectPublicKeyInfo
 */
export function verifySignature(
  publicKey: Uint8Array,
  scheme: SignatureScheme,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    if (!isSchemeOfKey(scheme, readPublicKey(publicKey))) return false;
    const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' });
    switch (scheme.kind) {
      case 'ecdsa':
      case 'rsa-pkcs1':
        return verify(scheme.hash, data, key, signature);
      case 'rsa-pss': {
        const { hash, saltLength } = scheme;
        return verify(hash, data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }, signature);
      }
      case 'ed25519':
        return verify(null, data, key, signature);
    }
  } catch {
    return false;
  }
}
