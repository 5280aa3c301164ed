/**
 * All the cryptography of this room: hashing, and verifying signatures. A browser, which has no `node:crypto`, replaces
 * this one file.
 */
import { constants, createHash, createPublicKey, verify } from 'node:crypto';

export type HashName = 'sha1' | 'sha256' | 'sha384' | 'sha512';

/** How something was signed, and by which kind of key. Signatures of ECDSA are DER (`Ecdsa-Sig-Value`, RFC 3279). */
export type SignatureScheme =
  | { readonly kind: 'ecdsa'; readonly hash: HashName }
  | { readonly kind: 'rsa-pkcs1'; readonly hash: HashName }
  | { readonly kind: 'rsa-pss'; readonly hash: HashName; readonly saltLength: number }
  | { readonly kind: 'ed25519' };

export function hashOf(name: HashName, data: Uint8Array): Uint8Array {
  return createHash(name).update(data).digest();
}

/**
 * Whether `signature` is one of `data` by the key (DER of its SubjectPublicKeyInfo), in this scheme. False for a key of
 * another kind, a weak one (RSA below 2,048 bits, curves other than P-256 and P-384), and for what is no signature.
 */
export function verifySignature(
  publicKey: Uint8Array,
  scheme: SignatureScheme,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' });
    const details = key.asymmetricKeyDetails;
    switch (scheme.kind) {
      case 'ecdsa': {
        const known = details?.namedCurve === 'prime256v1' || details?.namedCurve === 'secp384r1';
        return key.asymmetricKeyType === 'ec' && known && verify(scheme.hash, data, key, signature);
      }
      case 'rsa-pkcs1':
        return key.asymmetricKeyType === 'rsa' && isStrong(details) && verify(scheme.hash, data, key, signature);
      case 'rsa-pss': {
        const { hash, saltLength } = scheme;
        const options = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
        const fits = key.asymmetricKeyType === 'rsa' || key.asymmetricKeyType === 'rsa-pss';
        return fits && isStrong(details) && verify(hash, data, options, signature);
      }
      case 'ed25519':
        return key.asymmetricKeyType === 'ed25519' && verify(null, data, key, signature);
    }
  } catch {
    return false;
  }
}

function isStrong(details: { readonly modulusLength?: number } | undefined): boolean {
  const bits = details?.modulusLength ?? 0;
  return bits >= 2048 && bits <= 8192;
}
