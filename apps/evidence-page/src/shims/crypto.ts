/** The part of `node:crypto` that the verifier uses: hashing and verification. Tests compare it with Node. */
import { ed25519 } from '@noble/curves/ed25519.js';
import { bytesToNumberLE } from '@noble/curves/utils.js';
import { sha1 } from '@noble/hashes/legacy.js';
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { curves, keyOfJwk, keyOfSpki, type PublicKey } from './public-keys.ts';
import { isRsaHash, verifyPkcs1, verifyPss } from './rsa.ts';

const digests: Readonly<Record<string, (data: Uint8Array) => Uint8Array>> = { sha1, sha256, sha384, sha512 };

export const constants = { RSA_PKCS1_PSS_PADDING: 6 } as const;

function digestOf(algorithm: string, data: Uint8Array): Buffer {
  const digest = digests[algorithm];
  if (digest === undefined) throw new Error(`this page does not compute ${algorithm}`);
  return Buffer.from(digest(data));
}

function octetsOf(data: Uint8Array | string): Uint8Array {
  return typeof data === 'string' ? new TextEncoder().encode(data) : data;
}

type Encoding = 'base64url' | 'binary' | 'hex' | 'base64';

export function hash(algorithm: string, data: Uint8Array | string, encoding: Encoding | 'buffer' = 'hex') {
  const digest = digestOf(algorithm, octetsOf(data));
  return encoding === 'buffer' ? digest : digest.toString(encoding);
}

export function createHash(algorithm: string) {
  const parts: Uint8Array[] = [];
  const self = {
    update(data: Uint8Array | string) {
      parts.push(octetsOf(data));
      return self;
    },
    digest(encoding?: Encoding) {
      const digest = digestOf(algorithm, Buffer.concat(parts));
      return encoding === undefined ? digest : digest.toString(encoding);
    },
  };
  return self;
}

type KeyInput =
  | { readonly key: Readonly<Record<string, unknown>>; readonly format: 'jwk' }
  | { readonly key: Uint8Array; readonly format: 'der'; readonly type: 'spki' };

/** @throws Error for an unsupported key */
export function createPublicKey(input: KeyInput): PublicKey {
  return input.format === 'jwk' ? keyOfJwk(input.key) : keyOfSpki(input.key);
}

interface KeyWithOptions {
  readonly key: PublicKey;
  readonly dsaEncoding?: 'der' | 'ieee-p1363';
  readonly padding?: number;
  readonly saltLength?: number;
}

/** ECDSA, Ed25519 and RSA. */
export function verify(
  algorithm: string | null,
  data: Uint8Array,
  keyOrOptions: PublicKey | KeyWithOptions,
  signature: Uint8Array,
): boolean {
  const options: KeyWithOptions = 'key' in keyOrOptions ? keyOrOptions : { key: keyOrOptions };
  const { key } = options;
  switch (key.asymmetricKeyType) {
    case 'ed25519':
      return algorithm === null && isSafely(() => verifyEd25519(plain(signature), plain(data), key.point));
    case 'ec': {
      const curve = curves[key.asymmetricKeyDetails.namedCurve];
      const format = options.dsaEncoding === 'ieee-p1363' ? 'compact' : 'der';
      const digest = plain(digestOf(algorithm ?? '', data));
      return isSafely(() => curve.verify(plain(signature), digest, key.point, { prehash: false, lowS: false, format }));
    }
    default: {
      if (algorithm === null || !isRsaHash(algorithm)) return false;
      const { rsa, pss } = key;
      const saltLength = options.saltLength ?? 0;
      if (options.padding !== constants.RSA_PKCS1_PSS_PADDING)
        return key.asymmetricKeyType === 'rsa' && verifyPkcs1(rsa, algorithm, data, signature);
      if (pss !== undefined && (pss.hash !== algorithm || saltLength < pss.leastSaltLength)) return false;
      return verifyPss(rsa, algorithm, saltLength, data, signature);
    }
  }
}

/** RFC 8032 section 5.1.7: rejects non-canonical points, and keys for which anyone can sign. */
const strict = { zip215: false } as const;

/** Without the cofactor, like OpenSSL. RFC 8032 allows both, but all verifiers must give the same result. */
function verifyEd25519(signature: Uint8Array, data: Uint8Array, point: Uint8Array): boolean {
  if (!ed25519.verify(signature, data, point, strict)) return false;
  const { Point } = ed25519;
  const commitment = signature.subarray(0, 32);
  const challenge = Point.Fn.create(bytesToNumberLE(sha512(Buffer.concat([commitment, point, data]))));
  const left = Point.BASE.multiplyUnsafe(bytesToNumberLE(signature.subarray(32)));
  return Point.fromBytes(commitment).add(Point.fromBytes(point).multiplyUnsafe(challenge)).equals(left);
}

/** An unreadable signature is invalid. */
function isSafely(ask: () => boolean): boolean {
  try {
    return ask();
  } catch {
    return false;
  }
}

/** The curve library rejects a Buffer. */
function plain(octets: Uint8Array): Uint8Array {
  return Uint8Array.from(octets);
}

export function timingSafeEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, index) => octet === b[index]);
}

export function randomBytes(size: number): Buffer {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(size)));
}

/** Imported but never called. */
export function createHmac(): never {
  throw new Error('this page computes no HMAC');
}

/** As {@link createHmac}. */
export class X509Certificate {
  constructor() {
    throw new Error('this page reads certificates itself');
  }
}
