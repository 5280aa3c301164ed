import { isCodedError } from '@countersign/kernel';
import { type AuthenticatorKey, importAuthenticatorKey } from '@countersign/oauth/signatures';
import { type Cbor, type CborMap, readCbor, writeCbor } from './cbor.ts';
import { webAuthnErrors } from './errors.ts';

/** Requested COSE algorithms, best first (RFC 9053, RFC 8812). */
export const coseAlgorithms = { ES256: -7, EdDSA: -8, ES384: -35, ES512: -36, RS256: -257 } as const;
export const algorithms: readonly number[] = Object.values(coseAlgorithms);

/** WebAuthn Level 3 section 5.8.5: each of these algorithms has one curve here (RFC 9053 section 7.1). */
const curves = [
  { algorithm: coseAlgorithms.ES256, crv: 1, name: 'P-256' },
  { algorithm: coseAlgorithms.ES384, crv: 2, name: 'P-384' },
  { algorithm: coseAlgorithms.ES512, crv: 3, name: 'P-521' },
] as const;

/** Public members of a JWK (RFC 7517), all text. */
export type PublicJwk = Readonly<Record<string, string>>;

/** Labels of COSE keys (RFC 9052 section 7.1, RFC 9053 section 7, RFC 8230 section 4). */
const label = { kty: 1, alg: 3, crv: -1, x: -2, y: -3, n: -1, e: -2 } as const;
const keyType = { okp: 1, ec2: 2, rsa: 3 } as const;

/**
 * Converts an authenticator's public key to a JWK.
 *
 * @throws CodedError `credential_malformed`, also for an algorithm that was not requested and for a weak key
 */
export function jwkOfCoseKey(cose: Uint8Array): { readonly jwk: PublicJwk; readonly key: AuthenticatorKey } {
  const map = readCbor(cose);
  if (!(map instanceof Map)) throw malformed('is no COSE key');
  const jwk = readKey(map);
  try {
    return { jwk, key: importAuthenticatorKey(jwk) };
  } catch (error) {
    if (!isCodedError(error)) throw error;
    throw malformed(`cannot be used: ${error.detail}`);
  }
}

function readKey(map: CborMap): PublicJwk {
  const type = map.get(label.kty);
  const algorithm = map.get(label.alg);
  const curve = curves.find((each) => each.algorithm === algorithm && each.crv === map.get(label.crv));
  if (type === keyType.ec2 && curve !== undefined)
    return { kty: 'EC', crv: curve.name, x: octets(map.get(label.x)), y: octets(map.get(label.y)) };
  if (type === keyType.okp && algorithm === coseAlgorithms.EdDSA && map.get(label.crv) === 6)
    return { kty: 'OKP', crv: 'Ed25519', x: octets(map.get(label.x)) };
  if (type === keyType.rsa && algorithm === coseAlgorithms.RS256)
    return { kty: 'RSA', n: octets(map.get(label.n)), e: octets(map.get(label.e)) };
  throw malformed('is of an algorithm that was not asked for');
}

/** Converts the key back to COSE, for the library. @throws CodedError `credential_malformed` */
export function coseKeyOfJwk(jwk: PublicJwk): Uint8Array<ArrayBuffer> {
  const member = (name: string): Uint8Array => Buffer.from(jwk[name] ?? '', 'base64url');
  switch (jwk['kty']) {
    case 'EC': {
      const curve = curves.find(({ name }) => name === jwk['crv']);
      if (curve === undefined) throw malformed('is on a curve that is not used');
      return writeCbor(
        new Map<number, Cbor>([
          [label.kty, keyType.ec2],
          [label.alg, curve.algorithm],
          [label.crv, curve.crv],
          [label.x, member('x')],
          [label.y, member('y')],
        ]),
      );
    }
    case 'OKP':
      return writeCbor(
        new Map<number, Cbor>([
          [label.kty, keyType.okp],
          [label.alg, coseAlgorithms.EdDSA],
          [label.crv, 6],
          [label.x, member('x')],
        ]),
      );
    case 'RSA':
      return writeCbor(
        new Map<number, Cbor>([
          [label.kty, keyType.rsa],
          [label.alg, coseAlgorithms.RS256],
          [label.n, member('n')],
          [label.e, member('e')],
        ]),
      );
    default:
      throw malformed('is of a type that is not used');
  }
}

function octets(value: Cbor | undefined): string {
  if (!(value instanceof Uint8Array)) throw malformed('lacks a part');
  return Buffer.from(value).toString('base64url');
}

function malformed(problem: string) {
  return webAuthnErrors.error('credential_malformed', `The key of the authenticator ${problem}.`);
}
