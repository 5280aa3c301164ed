import { verify } from 'node:crypto';
import { unreachable } from '@countersign/kernel';
import type { VerificationKey } from '@countersign/oauth/signatures';

/**
 * Whether an authenticator's signature is one of `data` by the key (WebAuthn Level 3 section 6.5.5). Authenticators write
 * ECDSA as DER, and RSA keys sign by PKCS #1 v1.5 (RS256), whatever else they are used for.
 */
export function isSignatureOf(data: Uint8Array, signature: Uint8Array, { key, algorithm }: VerificationKey): boolean {
  switch (algorithm) {
    case 'ES256': {
      const raw = rawOfDer(signature);
      return raw !== undefined && verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, raw);
    }
    case 'EdDSA':
      return signature.length === 64 && verify(null, data, key, signature);
    case 'PS256':
      return verify('sha256', data, key, signature);
    default:
      return unreachable(algorithm);
  }
}

/**
 * The two numbers of an `Ecdsa-Sig-Value` (RFC 3279 section 2.2.3) on P-256, 32 octets each. Strict DER, so that every
 * reader takes the same octets for a signature: undefined for anything else.
 */
export function rawOfDer(der: Uint8Array): Uint8Array | undefined {
  // Two numbers of at most 33 octets: every length fits in one octet.
  if (der[0] !== 0x30 || der[1] !== der.length - 2 || der.length > 72) return undefined;
  const r = readNumber(der, 2);
  if (r === undefined) return undefined;
  const s = readNumber(der, r.end);
  if (s === undefined || s.end !== der.length) return undefined;
  const raw = Buffer.alloc(64);
  raw.set(r.octets, 32 - r.octets.length);
  raw.set(s.octets, 64 - s.octets.length);
  return raw;
}

function readNumber(der: Uint8Array, at: number): { octets: Uint8Array; end: number } | undefined {
  const length = der[at + 1];
  if (der[at] !== 0x02 || length === undefined || length < 1 || length > 33) return undefined;
  const end = at + 2 + length;
  if (end > der.length) return undefined;
  const octets = der.subarray(at + 2, end);
  const [first = 0, second = 0] = octets;
  if (first >= 0x80) return undefined;
  // X.690 section 8.3.2: a leading zero stands only before a set bit. A number that is zero is no part of a signature.
  if (first === 0) return length > 1 && second >= 0x80 ? { octets: octets.subarray(1), end } : undefined;
  return length <= 32 ? { octets, end } : undefined;
}
