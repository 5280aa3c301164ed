import { isStrongKey } from '@countersign/kernel';
import { type AlgorithmIdentifier, pssParametersOf, readAlgorithmIdentifier } from '../algorithms.ts';
import { readDer, readDerSequence } from '../der/der-reader.ts';
import { readBitOctets, readInteger, readObjectIdentifier } from '../der/read-values.ts';
import { tags } from '../der/tags.ts';
import { malformedDer, x509Errors } from '../errors.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import type { HashName, SignatureScheme } from '../signature-scheme.ts';

/** What a SubjectPublicKeyInfo says of its key. */
export type PublicKeyKind =
  | { readonly kind: 'ec' }
  | { readonly kind: 'ed25519' }
  | { readonly kind: 'rsa' }
  /** What the key was limited to when it was made (RFC 4055 section 3.3); absent, any digest and salt will do. */
  | { readonly kind: 'rsa-pss'; readonly only?: { readonly hash: HashName; readonly saltLength: number } };

/** Names of curves in Node, and the octets of a coordinate on them. */
const curves: ReadonlyMap<string, { readonly namedCurve: string; readonly octets: number }> = new Map([
  [oid.p256, { namedCurve: 'prime256v1', octets: 32 }],
  [oid.p384, { namedCurve: 'secp384r1', octets: 48 }],
  [oid.p521, { namedCurve: 'secp521r1', octets: 66 }],
]);
/** Enough for a modulus of 8,192 bits and its sign. */
const mostModulusOctets = 1_025;

/**
 * Reads a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) of a key that is verified with here. It is the one place that
 * says which keys are: OpenSSL and the code for browsers differ in what they take, and must not be asked first.
 *
 * A curve stands by its name: parameters that are written out (RFC 5480 section 2.1.1 forbids them) could make another
 * group look like it.
 *
 * @throws CodedError `key_weak` for what `isStrongKey` refuses; `algorithm_unsupported` for a key of another kind;
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
        throw malformedDer('an Ed25519 key with parameters, or of another length than 32 octets');
      return { kind: 'ed25519' };
    case oid.rsaEncryption:
      if (identifier.parameters?.length !== 2 || identifier.parameters[0] !== tags.null)
        throw malformedDer('an RSA key with parameters');
      requireModulus(bits);
      return { kind: 'rsa' };
    case oid.rsassaPss: {
      requireModulus(bits);
      const { parameters } = identifier;
      return { kind: 'rsa-pss', ...(parameters === undefined ? {} : { only: pssParametersOf(parameters) }) };
    }
    case oid.dsa:
      throw weak('it is one for DSA');
    default:
      throw x509Errors.error('algorithm_unsupported', `Keys of ${identifier.algorithm} are not verified with here.`);
  }
}

/** Whether a signature of this scheme can be one by such a key. */
export function fitsKey(scheme: SignatureScheme, key: PublicKeyKind): boolean {
  switch (scheme.kind) {
    case 'ecdsa':
      return key.kind === 'ec';
    case 'ed25519':
      return key.kind === 'ed25519';
    case 'rsa-pkcs1':
      // RFC 4055 section 1.2: a key for RSASSA-PSS is for nothing else.
      return key.kind === 'rsa';
    case 'rsa-pss': {
      if (key.kind !== 'rsa-pss') return key.kind === 'rsa';
      // RFC 4055 section 3.3: the same digest, and at least as much salt.
      return key.only === undefined || (key.only.hash === scheme.hash && key.only.saltLength <= scheme.saltLength);
    }
  }
}

function requirePoint(bits: Uint8Array, { parameters }: AlgorithmIdentifier): void {
  if (parameters === undefined) throw malformedDer('a key on no curve');
  const reader = readDer(parameters);
  if (reader.peek() !== tags.objectIdentifier) throw malformedDer('a key on a curve that is not named');
  const name = readObjectIdentifier(reader.next(tags.objectIdentifier));
  const curve = curves.get(name);
  if (curve === undefined || !isStrongKey({ asymmetricKeyType: 'ec', asymmetricKeyDetails: curve }))
    throw weak(`it is on the curve ${name}`);
  // Uncompressed or compressed (RFC 5480 section 2.2); whether it is on the curve shows when it is used.
  const [form] = bits;
  const whole = form === 4 && bits.length === 1 + 2 * curve.octets;
  const compressed = (form === 2 || form === 3) && bits.length === 1 + curve.octets;
  if (!whole && !compressed) throw malformedDer('a point that is none of its curve');
}

function requireModulus(bits: Uint8Array): void {
  const reader = readDerSequence(bits);
  const modulus = readInteger(reader.next(tags.integer), mostModulusOctets);
  const publicExponent = readInteger(reader.next(tags.integer));
  reader.end();
  const modulusLength = modulus <= 0n ? 0 : modulus.toString(2).length;
  if (!isStrongKey({ asymmetricKeyType: 'rsa', asymmetricKeyDetails: { modulusLength, publicExponent } }))
    throw weak(`it is one for RSA of ${modulusLength} bits with the exponent ${publicExponent}`);
}

function weak(what: string) {
  return x509Errors.error('key_weak', `The key is not one that is relied on: ${what}.`);
}
