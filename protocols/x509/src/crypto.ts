/**
 * All the cryptography of this room: hashing, and verifying signatures. A browser, which has no `node:crypto`, replaces
 * this one file.
 */
import { constants, createHash, createPublicKey, verify } from 'node:crypto';
import { fitsKey, readPublicKey } from './certificates/public-key.ts';
import type { HashName, SignatureScheme } from './signature-scheme.ts';

export function hashOf(name: HashName, data: Uint8Array): Uint8Array {
  return createHash(name).update(data).digest();
}

/**
 * Whether `signature` is one of `data` by the key (DER of its SubjectPublicKeyInfo), in this scheme. False for a key of
 * another kind, one that is weak or otherwise none of `readPublicKey`, and for what is no signature.
 */
export function verifySignature(
  publicKey: Uint8Array,
  scheme: SignatureScheme,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    if (!fitsKey(scheme, readPublicKey(publicKey))) return false;
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
