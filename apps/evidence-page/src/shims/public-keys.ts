import { decodeBase64Url } from '@countersign/kernel';
import { contextConstructed, type DerElement, readDer, tags } from '@countersign/x509/der';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { type RsaHash, type RsaPublicKey, rsaKey, toHex } from './rsa.ts';

/** With the properties of `node:crypto` that the verifier reads. */
export type PublicKey = { readonly type: 'public' } & (
  | {
      readonly asymmetricKeyType: 'ec';
      readonly asymmetricKeyDetails: { readonly namedCurve: CurveName };
      /** Uncompressed. */
      readonly point: Uint8Array;
    }
  | { readonly asymmetricKeyType: 'ed25519'; readonly asymmetricKeyDetails: object; readonly point: Uint8Array }
  | {
      readonly asymmetricKeyType: 'rsa' | 'rsa-pss';
      readonly asymmetricKeyDetails: { readonly modulusLength: number; readonly publicExponent: bigint };
      readonly rsa: RsaPublicKey;
      readonly pss?: PssLimits;
    }
);

/** Set when the key was generated (RFC 4055 section 3.3). */
export interface PssLimits {
  readonly hash: RsaHash;
  readonly leastSaltLength: number;
}

export const curves = { prime256v1: p256, secp384r1: p384, secp521r1: p521 } as const;
export type CurveName = keyof typeof curves;
/** RFC 7518 section 6.2.1.1. */
const curvesOfJwk: ReadonlyMap<unknown, CurveName> = new Map([
  ['P-256', 'prime256v1'],
  ['P-384', 'secp384r1'],
  ['P-521', 'secp521r1'],
]);

type Jwk = Readonly<Record<string, unknown>>;

/** @throws Error for an unsupported or invalid key */
export function keyOfJwk(jwk: Jwk): PublicKey {
  switch (jwk['kty']) {
    case 'EC': {
      const curve = curvesOfJwk.get(jwk['crv']);
      if (curve === undefined) throw new Error('this page does not support the curve');
      return ecKey(curve, Uint8Array.of(4, ...octets(jwk, 'x'), ...octets(jwk, 'y')));
    }
    case 'OKP':
      if (jwk['crv'] !== 'Ed25519') throw new Error('this page does not support the curve');
      return edKey(octets(jwk, 'x'));
    case 'RSA':
      return rsaPublicKey('rsa', octets(jwk, 'n'), octets(jwk, 'e'));
    default:
      throw new Error('this page does not support this type of key');
  }
}

const curvesByOid: ReadonlyMap<string, CurveName> = new Map([
  ['2a8648ce3d030107', 'prime256v1'],
  ['2b81040022', 'secp384r1'],
  ['2b81040023', 'secp521r1'],
]);
const hashesByOid: ReadonlyMap<string, RsaHash> = new Map([
  ['608648016503040201', 'sha256'],
  ['608648016503040202', 'sha384'],
  ['608648016503040203', 'sha512'],
]);
const oids = { ec: '2a8648ce3d0201', ed25519: '2b6570', rsa: '2a864886f70d010101', rsaPss: '2a864886f70d01010a' };

/** RFC 5280 section 4.1.2.7. @throws Error as {@link keyOfJwk} */
export function keyOfSpki(der: Uint8Array): PublicKey {
  const [algorithm, key] = inside(readElements(der)[0]);
  const [type, parameters] = inside(algorithm);
  if (key?.tag !== tags.bitString || key.content[0] !== 0) throw new Error('this is no public key');
  const bits = key.content.subarray(1);
  switch (hexOf(type)) {
    case oids.ec: {
      // Node accepts explicit curve parameters; they are rejected here.
      const curve = parameters?.tag === tags.objectIdentifier ? curvesByOid.get(hexOf(parameters)) : undefined;
      if (curve === undefined) throw new Error('this page does not support the curve');
      return ecKey(curve, bits);
    }
    case oids.ed25519:
      return edKey(bits);
    case oids.rsa:
    case oids.rsaPss: {
      const [modulus, exponent] = inside(readElements(bits)[0]);
      if (modulus === undefined || exponent === undefined) throw new Error('this is no public key');
      const isPss = hexOf(type) === oids.rsaPss;
      const limits = isPss && parameters !== undefined ? readPssLimits(parameters) : undefined;
      return rsaPublicKey(isPss ? 'rsa-pss' : 'rsa', modulus.content, exponent.content, limits);
    }
    default:
      throw new Error('this page does not support this type of key');
  }
}

function ecKey(namedCurve: CurveName, point: Uint8Array): PublicKey {
  // Throws if the point is not on the curve.
  curves[namedCurve].Point.fromBytes(Uint8Array.from(point)).assertValidity();
  const asymmetricKeyDetails = { namedCurve };
  return { type: 'public', asymmetricKeyType: 'ec', asymmetricKeyDetails, point: Uint8Array.from(point) };
}

function edKey(point: Uint8Array): PublicKey {
  if (point.length !== 32) throw new Error('an Ed25519 key is 32 octets long');
  return { type: 'public', asymmetricKeyType: 'ed25519', asymmetricKeyDetails: {}, point: Uint8Array.from(point) };
}

/** RSASSA-PSS-params with the same digest for message and mask. */
function readPssLimits(parameters: DerElement): PssLimits {
  const fields = new Map(inside(parameters).map(({ tag, content }) => [tag, readElements(content)[0]]));
  const hash = hashesByOid.get(hexOf(inside(fields.get(contextConstructed(0)))[0]));
  const mask = inside(fields.get(contextConstructed(1)))[1];
  const salt = fields.get(contextConstructed(2));
  if (hash === undefined || hashesByOid.get(hexOf(inside(mask)[0])) !== hash)
    throw new Error('this page does not support the digest of this RSASSA-PSS key');
  return { hash, leastSaltLength: salt === undefined ? 20 : Number(`0x${hexOf(salt) || '0'}`) };
}

function rsaPublicKey(
  asymmetricKeyType: 'rsa' | 'rsa-pss',
  modulus: Uint8Array,
  exponent: Uint8Array,
  pss?: PssLimits,
): PublicKey {
  const rsa = rsaKey(modulus, exponent);
  // Larger keys would let a bundle block the reader's machine.
  if (rsa.bits > 8192 || rsa.exponent > 2n ** 32n) throw new Error('this RSA key is too large');
  const asymmetricKeyDetails = { modulusLength: rsa.bits, publicExponent: rsa.exponent };
  return { type: 'public', asymmetricKeyType, asymmetricKeyDetails, rsa, ...(pss === undefined ? {} : { pss }) };
}

function octets(jwk: Jwk, member: string): Uint8Array {
  const text = jwk[member];
  const decoded = typeof text === 'string' ? decodeBase64Url(text) : undefined;
  if (decoded === undefined) throw new Error('this is no key');
  return decoded;
}

function inside(element: DerElement | undefined): readonly DerElement[] {
  if (element?.tag !== tags.sequence) throw new Error('this is no public key');
  return readElements(element.content);
}

function readElements(bytes: Uint8Array): readonly DerElement[] {
  const elements: DerElement[] = [];
  for (const reader = readDer(bytes); !reader.done; ) elements.push(reader.any());
  return elements;
}

function hexOf(element: DerElement | undefined): string {
  return toHex(element?.content ?? new Uint8Array());
}
