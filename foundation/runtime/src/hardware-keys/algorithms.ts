import { constants, createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { sha256Base64Url, unreachable } from '@countersign/kernel';
import { hardwareKeyErrors } from './errors.ts';
import { type Attribute, ck, type Mechanism } from './pkcs11-module.ts';

export type HardwareAlgorithm = 'ES256' | 'EdDSA' | 'PS256' | 'RS256';

/** DER of the object identifier prime256v1. */
const p256 = Buffer.from('06082a8648ce3d030107', 'hex');
/** RFC 8410 names the curve by an identifier; PKCS #11 3.0 and SoftHSM 2.6 take this PrintableString. */
const edwards25519 = Buffer.from('130c656477617264733235353139', 'hex');

/** Mechanism and public template of a new key pair: P-256, Ed25519, or RSA of 3072 bits. */
export function keyPairOf(algorithm: HardwareAlgorithm): {
  readonly mechanism: Mechanism;
  readonly keyType: number;
  readonly template: readonly Attribute[];
} {
  const { attribute, mechanism, keyType } = ck;
  switch (algorithm) {
    case 'ES256':
      return {
        mechanism: { mechanism: mechanism.ecKeyPair },
        keyType: keyType.ec,
        template: [{ type: attribute.ecParameters, value: p256 }],
      };
    case 'EdDSA':
      return {
        mechanism: { mechanism: mechanism.edwardsKeyPair },
        keyType: keyType.edwards,
        template: [{ type: attribute.ecParameters, value: edwards25519 }],
      };
    case 'PS256':
    case 'RS256':
      return {
        mechanism: { mechanism: mechanism.rsaKeyPair },
        keyType: keyType.rsa,
        template: [
          { type: attribute.modulusBits, value: 3072 },
          { type: attribute.publicExponent, value: Buffer.from([1, 0, 1]) },
        ],
      };
    default:
      return unreachable(algorithm);
  }
}

/** The attributes from which {@link publicJwkOf} reads the public key. */
export function publicAttributesOf(algorithm: HardwareAlgorithm): readonly Attribute[] {
  return algorithm === 'ES256' || algorithm === 'EdDSA'
    ? [{ type: ck.attribute.ecPoint }]
    : [{ type: ck.attribute.modulus }, { type: ck.attribute.publicExponent }];
}

/** The public key as JWK, with its members in the order of RFC 7638. @throws CodedError `hardware_key_unfit` */
export function publicJwkOf(
  algorithm: HardwareAlgorithm,
  [first, second]: readonly Buffer[],
): Readonly<Record<string, string>> {
  const base64url = (octets: Buffer): string => octets.toString('base64url');
  switch (algorithm) {
    case 'ES256': {
      const point = pointIn(first, 65);
      if (point[0] !== 4) throw unfit('Its public point is compressed.');
      return { crv: 'P-256', kty: 'EC', x: base64url(point.subarray(1, 33)), y: base64url(point.subarray(33)) };
    }
    case 'EdDSA':
      return { crv: 'Ed25519', kty: 'OKP', x: base64url(pointIn(first, 32)) };
    case 'PS256':
    case 'RS256': {
      if (first === undefined || second === undefined || first.length === 0) throw unfit('It has no modulus.');
      const withoutZeros = (octets: Buffer): Buffer => octets.subarray(octets.findIndex((octet) => octet !== 0));
      return { e: base64url(withoutZeros(second)), kty: 'RSA', n: base64url(withoutZeros(first)) };
    }
    default:
      return unreachable(algorithm);
  }
}

/** `CKA_EC_POINT` is an OCTET STRING in DER; some modules leave out its header. */
function pointIn(value: Buffer | undefined, size: number): Buffer {
  if (value?.length === size) return value;
  if (value?.length === size + 2 && value[0] === 4 && value[1] === size) return value.subarray(2);
  throw unfit('Its public point cannot be read.');
}

const unfit = (detail: string): Error =>
  hardwareKeyErrors.error('hardware_key_unfit', `The public key in the token is not of the recorded kind. ${detail}`);

/** RFC 7638 thumbprint of a JWK from {@link publicJwkOf}. */
export function thumbprintOf(jwk: Readonly<Record<string, string>>): string {
  return sha256Base64Url(JSON.stringify(jwk));
}

export function importPublicKey(jwk: Readonly<Record<string, string>>): KeyObject {
  return createPublicKey({ key: { ...jwk }, format: 'jwk' });
}

/** How a token signs: the mechanism, its input, and the size of the signature. */
export function signingOf(
  algorithm: HardwareAlgorithm,
  data: Uint8Array,
  pssType: number,
): { readonly mechanism: Mechanism; readonly input: Buffer; readonly room: number } {
  switch (algorithm) {
    case 'ES256':
      return {
        mechanism: { mechanism: ck.mechanism.ecdsa },
        input: createHash('sha256').update(data).digest(),
        room: 64,
      };
    case 'EdDSA':
      return { mechanism: { mechanism: ck.mechanism.eddsa }, input: Buffer.from(data), room: 64 };
    case 'PS256':
      return {
        mechanism: {
          mechanism: ck.mechanism.rsaPssSha256,
          parameter: { type: pssType, hashAlg: ck.mechanism.sha256, mgf: ck.mgf1Sha256, saltLen: 32 },
        },
        input: Buffer.from(data),
        room: 512,
      };
    case 'RS256':
      return { mechanism: { mechanism: ck.mechanism.rsaPkcs1Sha256 }, input: Buffer.from(data), room: 512 };
    default:
      return unreachable(algorithm);
  }
}

/**
 * Returns the signature in JOSE form if the public key verifies it. A faulty token, or one that returns DER where PKCS #11
 * requires r‖s, is thereby noticed before anything is released.
 *
 * @throws CodedError `hardware_signature_invalid`
 */
export function checkedSignature(
  algorithm: HardwareAlgorithm,
  publicKey: KeyObject,
  data: Uint8Array,
  signature: Uint8Array,
): Uint8Array {
  if (verifies(algorithm, publicKey, data, signature)) return signature;
  throw hardwareKeyErrors.error(
    'hardware_signature_invalid',
    'The token returned a signature that its public key does not verify. Nothing was released.',
  );
}

function verifies(algorithm: HardwareAlgorithm, key: KeyObject, data: Uint8Array, signature: Uint8Array): boolean {
  switch (algorithm) {
    case 'ES256':
      return signature.length === 64 && verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature);
    case 'EdDSA':
      return signature.length === 64 && verify(null, data, key, signature);
    case 'PS256':
      return verify('sha256', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, signature);
    case 'RS256':
      return verify('sha256', data, { key, padding: constants.RSA_PKCS1_PADDING }, signature);
    default:
      return unreachable(algorithm);
  }
}
