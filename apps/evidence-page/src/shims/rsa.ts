import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js';

/** RFC 8017. All values are public, so constant time is not needed. */
export interface RsaPublicKey {
  readonly modulus: bigint;
  readonly exponent: bigint;
  readonly bits: number;
}

const hashes = {
  sha256: { digest: sha256, size: 32, prefix: '3031300d060960864801650304020105000420' },
  sha384: { digest: sha384, size: 48, prefix: '3041300d060960864801650304020205000430' },
  sha512: { digest: sha512, size: 64, prefix: '3051300d060960864801650304020305000440' },
} as const;
export type RsaHash = keyof typeof hashes;

export function isRsaHash(name: string): name is RsaHash {
  return Object.hasOwn(hashes, name);
}

export function rsaKey(modulus: Uint8Array, exponent: Uint8Array): RsaPublicKey {
  const n = toNumber(modulus);
  return { modulus: n, exponent: toNumber(exponent), bits: n.toString(2).length };
}

/** RFC 8017 section 8.2.2: computes the expected encoding and compares all of it. */
export function verifyPkcs1(key: RsaPublicKey, hash: RsaHash, data: Uint8Array, signature: Uint8Array): boolean {
  const encoded = open(key, signature);
  const { digest, prefix } = hashes[hash];
  const info = `${prefix}${toHex(digest(data))}`;
  const size = octetsOf(key);
  const padding = size - info.length / 2 - 3;
  return encoded !== undefined && padding >= 8 && toHex(encoded) === `0001${'ff'.repeat(padding)}00${info}`;
}

/** RFC 8017 section 9.1.2, with one hash for message and mask. */
export function verifyPss(
  key: RsaPublicKey,
  hash: RsaHash,
  saltLength: number,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  const opened = open(key, signature);
  const { digest, size } = hashes[hash];
  const length = Math.ceil((key.bits - 1) / 8);
  if (opened === undefined || length < size + saltLength + 2) return false;
  if (opened.length > length && opened[0] !== 0) return false;
  const encoded = opened.subarray(opened.length - length);
  if (encoded.at(-1) !== 0xbc) return false;
  const border = length - size - 1;
  const masked = encoded.subarray(0, border);
  const check = encoded.subarray(border, -1);
  const unused = 8 * length - (key.bits - 1);
  if (((masked[0] ?? 0) & ~(0xff >>> unused) & 0xff) !== 0) return false;
  const mask = maskOf(check, border, digest);
  const block = masked.map((octet, index) => octet ^ (mask[index] ?? 0));
  block[0] = (block[0] ?? 0) & (0xff >>> unused);
  const separator = border - saltLength - 1;
  if (block[separator] !== 1 || block.subarray(0, separator).some((octet) => octet !== 0)) return false;
  const again = digest(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, ...digest(data), ...block.subarray(separator + 1)));
  return toHex(again) === toHex(check);
}

/** MGF1 (RFC 8017 appendix B.2.1). */
function maskOf(seed: Uint8Array, length: number, digest: (data: Uint8Array) => Uint8Array): Uint8Array {
  const mask: number[] = [];
  for (let counter = 0; mask.length < length; counter++)
    mask.push(...digest(Uint8Array.of(...seed, counter >>> 24, counter >>> 16, counter >>> 8, counter)));
  return Uint8Array.from(mask.slice(0, length));
}

/** As long as the modulus; undefined if the signature is out of range. */
function open(key: RsaPublicKey, signature: Uint8Array): Uint8Array | undefined {
  const number = toNumber(signature);
  if (signature.length !== octetsOf(key) || number >= key.modulus) return undefined;
  const opened = power(number, key.exponent, key.modulus).toString(16);
  return Buffer.from(opened.padStart(octetsOf(key) * 2, '0'), 'hex');
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base % modulus;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

function octetsOf({ bits }: RsaPublicKey): number {
  return Math.ceil(bits / 8);
}

function toNumber(octets: Uint8Array): bigint {
  return octets.length === 0 ? 0n : BigInt(`0x${toHex(octets)}`);
}

export function toHex(octets: Uint8Array): string {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join('');
}
