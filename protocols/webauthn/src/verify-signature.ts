import { verify } from 'node:crypto';
import { unreachable } from '@countersign/kernel';
import type { AuthenticatorKey } from '@countersign/oauth/signatures';

/**
 * Whether an authenticator's signature is one of `data` by the key (WebAuthn Level 3 section 6.5.5). Authenticators write
 * ECDSA as DER, and RSA keys sign by PKCS #1 v1.5 (RS256), whatever else they are used for.
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
    const raw = rawOfDer(signature, octets);
    return raw !== undefined && verify(hash, data, { key, dsaEncoding: 'ieee-p1363' }, raw);
  }
}

/**
 * The two numbers of an `Ecdsa-Sig-Value` (RFC 3279 section 2.2.3), each in as many octets as the curve's order has. Strict
 * DER, so that every reader takes the same octets for a signature: undefined for anything else.
 */
function rawOfDer(der: Uint8Array, octets: number): Uint8Array | undefined {
  // X.690 section 10.1: a length of 128 and more has an octet of its own, and one below has none.
  const start = der[1] === 0x81 && (der[2] ?? 0) >= 0x80 ? 3 : 2;
  if (der[0] !== 0x30 || der[start - 1] !== der.length - start || der.length > start + 2 * (octets + 3))
    return undefined;
  const r = readNumber(der, start, octets);
  if (r === undefined) return undefined;
  const s = readNumber(der, r.end, octets);
  if (s === undefined || s.end !== der.length) return undefined;
  const raw = Buffer.alloc(2 * octets);
  raw.set(r.octets, octets - r.octets.length);
  raw.set(s.octets, 2 * octets - s.octets.length);
  return raw;
}

function readNumber(der: Uint8Array, at: number, most: number): { octets: Uint8Array; end: number } | undefined {
  const length = der[at + 1];
  if (der[at] !== 0x02 || length === undefined || length < 1 || length > most + 1) return undefined;
  const end = at + 2 + length;
  if (end > der.length) return undefined;
  const octets = der.subarray(at + 2, end);
  const [first = 0, second = 0] = octets;
  if (first >= 0x80) return undefined;
  // X.690 section 8.3.2: a leading zero stands only before a set bit. A number that is zero is no part of a signature.
  if (first === 0) return length > 1 && second >= 0x80 ? { octets: octets.subarray(1), end } : undefined;
  return length <= most ? { octets, end } : undefined;
}
