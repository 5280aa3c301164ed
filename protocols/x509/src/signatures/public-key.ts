import { isStrongKey } from '@countersign/kernel';
import {
  integerContent,
  readBitOctets,
  readDer,
  readDerSequence,
  readInteger,
  readObjectIdentifier,
  tags,
} from '../der/index.ts';
import { malformedDer, x509Errors } from '../errors.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import {
  type AlgorithmIdentifier,
  type HashName,
  pssParametersOf,
  readAlgorithmIdentifier,
  type SignatureScheme,
} from './algorithms.ts';

/** The kind of a public key. */
export type PublicKeyKind =
  | { readonly kind: 'ec' }
  | { readonly kind: 'ed25519' }
  | { readonly kind: 'rsa' }
  /** `limits`: digest and minimum salt length that the key is restricted to (RFC 4055 section 3.3). */
  | { readonly kind: 'rsa-pss'; readonly limits?: { readonly hash: HashName; readonly saltLength: number } };

/** Curve names in Node, and the octets of one coordinate. */
const curves: ReadonlyMap<string, { readonly namedCurve: string; readonly octets: number }> = new Map([
  [oid.p256, { namedCurve: 'prime256v1', octets: 32 }],
  [oid.p384, { namedCurve: 'secp384r1', octets: 48 }],
  [oid.p521, { namedCurve: 'secp521r1', octets: 66 }],
]);
/** Enough for a modulus of 8,192 bits and its sign. */
const maxModulusOctets = 1_025;

/**
 * Reads a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) and decides which keys are accepted. It runs before any
 * cryptographic library, because OpenSSL and the browser code accept different keys.
 *
 * Only named curves are accepted: explicit parameters (forbidden by RFC 5480 section 2.1.1) can imitate a strong curve.
 *
 * @throws CodedError `key_weak` for keys that `isStrongKey` refuses; `algorithm_unsupported` for other kinds of keys;
 *   `der_malformed`
 */
export function readPublicKey(der: Uint8Array): PublicKeyKind {
  const reader = readDerSequence(der);
  const identifier = readAlgorithmIdentifier(reader.enter(tags.sequence));
  const bits = readBitOctets(reader.next(tags.bitString));
  reader.end();
  switch (identifier.algorithm) {
    case oid.ecPublicKey:
      requirePoint(bits, identifier);
      return { kind: 'ec' };
    case oid.ed25519:
      if (identifier.parameters !== undefined || bits.length !== 32)
        throw malformedDer('an Ed25519 key has parameters or is not 32 octets long');
      return { kind: 'ed25519' };
    case oid.rsaEncryption:
      if (identifier.parameters?.length !== 2 || identifier.parameters[0] !== tags.null)
        throw malformedDer('the parameters of an RSA key are not NULL');
      requireModulus(bits);
      return { kind: 'rsa' };
    case oid.rsassaPss: {
      requireModulus(bits);
      const { parameters } = identifier;
      return { kind: 'rsa-pss', ...(parameters === undefined ? {} : { limits: pssParametersOf(parameters) }) };
    }
    case oid.dsa:
      throw weak('DSA');
    default:
      throw x509Errors.error(
        'algorithm_unsupported',
        `Public keys of the algorithm ${identifier.algorithm} are not supported.`,
      );
  }
}

/**
 * The key as the required members of a JWK (RFC 7517): P-256 with an uncompressed point, Ed25519, or RSA.
 *
 * @throws CodedError `key_weak`, `algorithm_unsupported`, `der_malformed`
 */
export function publicKeyJwk(der: Uint8Array): Readonly<Record<string, string>> {
  const { kind } = readPublicKey(der);
  const reader = readDerSequence(der);
  const { parameters } = readAlgorithmIdentifier(reader.enter(tags.sequence));
  const bits = Buffer.from(readBitOctets(reader.next(tags.bitString)));
  switch (kind) {
    case 'ec': {
      const curve = parameters === undefined ? undefined : readObjectIdentifier(readDer(parameters).any());
      if (curve !== oid.p256 || bits.length !== 65)
        throw unsupported('EC keys other than P-256, or with compressed points,');
      return { crv: 'P-256', kty: 'EC', x: base64Url(bits.subarray(1, 33)), y: base64Url(bits.subarray(33)) };
    }
    case 'ed25519':
      return { crv: 'Ed25519', kty: 'OKP', x: base64Url(bits) };
    case 'rsa': {
      const numbers = readDerSequence(bits);
      const modulus = integerContent(numbers.next(tags.integer));
      const exponent = integerContent(numbers.next(tags.integer));
      return { e: base64Url(withoutSign(exponent)), kty: 'RSA', n: base64Url(withoutSign(modulus)) };
    }
    case 'rsa-pss':
      throw unsupported('RSASSA-PSS keys');
    default:
      return kind satisfies never;
  }
}

const base64Url = (octets: Uint8Array): string => Buffer.from(octets).toString('base64url');

/** DER puts a zero before a positive integer whose first bit is set. */
function withoutSign(octets: Uint8Array): Uint8Array {
  return octets[0] === 0 ? octets.subarray(1) : octets;
}

function unsupported(kind: string) {
  return x509Errors.error('algorithm_unsupported', `${kind} are not supported here.`);
}

/** Whether a key of this kind can make signatures of this scheme. */
export function isSchemeOfKey(scheme: SignatureScheme, key: PublicKeyKind): boolean {
  switch (scheme.kind) {
    case 'ecdsa':
      return key.kind === 'ec';
    case 'ed25519':
      return key.kind === 'ed25519';
    case 'rsa-pkcs1':
      // RFC 4055 section 1.2: an RSASSA-PSS key must not be used with PKCS #1 v1.5.
      return key.kind === 'rsa';
    case 'rsa-pss': {
      if (key.kind !== 'rsa-pss') return key.kind === 'rsa';
      // RFC 4055 section 3.3: the same digest, and at least as much salt.
      return (
        key.limits === undefined || (key.limits.hash === scheme.hash && key.limits.saltLength <= scheme.saltLength)
      );
    }
  }
}

function requirePoint(bits: Uint8Array, { parameters }: AlgorithmIdentifier): void {
  if (parameters === undefined) throw malformedDer('an EC key without a curve');
  const reader = readDer(parameters);
  if (reader.peek() !== tags.objectIdentifier) throw malformedDer('an EC key on an unnamed curve');
  const name = readObjectIdentifier(reader.next(tags.objectIdentifier));
  const curve = curves.get(name);
  if (curve === undefined || !isStrongKey({ asymmetricKeyType: 'ec', asymmetricKeyDetails: curve }))
    throw weak(`the curve ${name}`);
  // Uncompressed or compressed (RFC 5480 section 2.2). The library checks on use that the point is on the curve.
  const [form] = bits;
  const uncompressed = form === 4 && bits.length === 1 + 2 * curve.octets;
  const compressed = (form === 2 || form === 3) && bits.length === 1 + curve.octets;
  if (!uncompressed && !compressed) throw malformedDer('the point of an EC key has the wrong length');
}

function requireModulus(bits: Uint8Array): void {
  const reader = readDerSequence(bits);
  const modulus = readInteger(reader.next(tags.integer), maxModulusOctets);
  const publicExponent = readInteger(reader.next(tags.integer));
  reader.end();
  const modulusLength = modulus <= 0n ? 0 : modulus.toString(2).length;
  if (!isStrongKey({ asymmetricKeyType: 'rsa', asymmetricKeyDetails: { modulusLength, publicExponent } }))
    throw weak(`RSA of ${modulusLength} bits with the exponent ${publicExponent}`);
}

function weak(kind: string) {
  return x509Errors.error('key_weak', `The key is too weak: ${kind}.`);
}
