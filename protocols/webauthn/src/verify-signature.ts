import { verify } from 'node:crypto';
import { isCodedError, unreachable } from '@countersign/kernel';
import type { AuthenticatorKey } from '@countersign/oauth/signatures';
import { ecdsaSignatureFromDer } from '@countersign/x509';

/**
 * Whether `signature` is a signature of `data` by the key of an authenticator (WebAuthn Level 3 section 6.5.5): ECDSA in
 * strict DER, RSA with PKCS #1 v1.5 (RS256).
 */
export function isSignatureOf(data: Uint8Array, signature: Uint8Array, { key, algorithm }: AuthenticatorKey): boolean {
  switch (algorithm) {
    case 'ES256':
      return isEcdsaSignatureOf('sha256', 32);
    case 'ES384':
      return isEcdsaSignatureOf('sha384', 48);
    case 'ES512':
      return isEcdsaSignatureOf('sha512', 66);
    case 'EdDSA':
      return signature.length === 64 && verify(null, data, key, signature);
    case 'PS256':
      return verify('sha256', data, key, signature);
    default:
      return unreachable(algorithm);
  }

  function isEcdsaSignatureOf(hash: string, octets: number): boolean {
    const raw = readEcdsaSignature(signature, octets);
    return raw !== undefined && verify(hash, data, { key, dsaEncoding: 'ieee-p1363' }, raw);
  }
}

function readEcdsaSignature(der: Uint8Array, coordinateOctets: number): Uint8Array | undefined {
  try {
    return ecdsaSignatureFromDer(der, coordinateOctets);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return undefined;
  }
}
