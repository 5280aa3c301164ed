import { createPublicKey, type KeyObject } from 'node:crypto';
import { type Brand, createGenerations, decodeBase64Url, isObject, sha256Base64Url } from '@countersign/kernel';
import { keyErrors } from './errors.ts';

/** FAPI 2.0 Security Profile section 5.4.1; each key type has one algorithm. */
export const signatureAlgorithms = ['ES256', 'EdDSA', 'PS256'] as const;
export type JwsAlgorithm = (typeof signatureAlgorithms)[number];

/**
 * For ID tokens and logout tokens. OpenID Connect Core section 15.1 requires RS256; FAPI 2.0 forbids it for everything
 * else.
 */
export const idTokenAlgorithms = ['ES256', 'PS256', 'RS256'] as const;
export type IdTokenAlgorithm = (typeof idTokenAlgorithms)[number];

export type IssuerAlgorithm = JwsAlgorithm | 'RS256';

/** RFC 7638 SHA-256 thumbprint, base64url. */
export type Thumbprint = Brand<string, 'Thumbprint'>;

/** A checked public key with its only algorithm. */
export type VerificationKey<Algorithm extends IssuerAlgorithm = JwsAlgorithm> = Brand<
  { readonly key: KeyObject; readonly algorithm: Algorithm; readonly thumbprint: Thumbprint },
  'VerificationKey'
>;

/** RFC 9053 section 2.1; tokens never use the last two. */
export type AuthenticatorAlgorithm = JwsAlgorithm | 'ES384' | 'ES512';

export type AuthenticatorKey = Brand<
  { readonly key: KeyObject; readonly algorithm: AuthenticatorAlgorithm; readonly thumbprint: Thumbprint },
  'AuthenticatorKey'
>;

export interface KeyCache {
  /**
   * @throws CodedError `key_malformed`, `key_private`, `key_unsupported` (not EC P-256, Ed25519 or RSA of 2048 to 4096
   * bits; or contradicting `alg`, `use` or `key_ops`)
   */
  import(jwk: unknown): VerificationKey;
}

/**
 * Importing a key costs about as much as verifying a signature. The cache is bounded against floods of new keys, and
 * indexed by the input of the thumbprint (RFC 7638 section 3.1), which needs no hashing.
 */
export function createKeyCache(options: { readonly maxKeys?: number } = {}): KeyCache {
  const known = createGenerations<string, VerificationKey>(options.maxKeys ?? 4_096);
  return {
    import(jwk) {
      const checked = checkTokenJwk(jwk);
      // Checked to have an algorithm of tokens.
      return known.get(checked.canonical) ?? known.keep(checked.canonical, importJwk(checked) as VerificationKey);
    },
  };
}

/** For keys that are read once. @throws as {@link KeyCache.import} */
export function importVerificationKey(jwk: unknown): VerificationKey {
  // Checked to have an algorithm of tokens.
  return importJwk(checkTokenJwk(jwk)) as VerificationKey;
}

/** Also accepts EC P-384 and P-521, which are never client or issuer keys. @throws as {@link KeyCache.import} */
export function importAuthenticatorKey(jwk: unknown): AuthenticatorKey {
  return importJwk(checkJwk(jwk, authenticatorCurves)) as AuthenticatorKey;
}

/** An RSA key serves PS256 or RS256, never both. @throws as {@link KeyCache.import} */
export function importIssuerKey(jwk: unknown, algorithm: IssuerAlgorithm): VerificationKey<IssuerAlgorithm> {
  const key = importVerificationKey(jwk);
  // The same key for the other algorithm of RSA.
  if (algorithm === 'RS256' && key.algorithm === 'PS256') return { ...key, algorithm } as VerificationKey<'RS256'>;
  if (key.algorithm !== algorithm)
    throw keyErrors.error('key_unsupported', `A key of this type is not for ${algorithm}.`);
  return key;
}

interface CheckedJwk {
  readonly algorithm: AuthenticatorAlgorithm;
  /** RFC 7638 section 3. */
  readonly canonical: string;
}

const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const;

interface Curve {
  readonly algorithm: AuthenticatorAlgorithm;
  /** Octets of a coordinate (RFC 7518 section 6.2.1.2). */
  readonly octets: number;
}
const tokenCurves: ReadonlyMap<unknown, Curve> = new Map([['P-256', { algorithm: 'ES256', octets: 32 }]]);
const authenticatorCurves: ReadonlyMap<unknown, Curve> = new Map<unknown, Curve>([
  ...tokenCurves,
  ['P-384', { algorithm: 'ES384', octets: 48 }],
  ['P-521', { algorithm: 'ES512', octets: 66 }],
]);

function checkTokenJwk(jwk: unknown): CheckedJwk {
  return checkJwk(jwk, tokenCurves);
}

function checkJwk(jwk: unknown, curves: ReadonlyMap<unknown, Curve>): CheckedJwk {
  if (!isObject(jwk)) throw keyErrors.error('key_malformed', 'A key must be a JSON Web Key object.');
  for (const member of privateMembers) {
    // A published private key is compromised.
    if (Object.hasOwn(jwk, member))
      throw keyErrors.error('key_private', `A public key must not hold the member ${member}.`);
  }
  const checked = checkKeyType(jwk, curves);
  checkMembers(jwk, checked.algorithm);
  if (jwk['alg'] !== undefined && jwk['alg'] !== checked.algorithm)
    throw keyErrors.error(
      'key_unsupported',
      `This key can only be used with ${checked.algorithm}; its alg says otherwise.`,
    );
  if (jwk['use'] !== undefined && jwk['use'] !== 'sig')
    throw keyErrors.error('key_unsupported', 'The use of a verification key must be sig.');
  const operations = jwk['key_ops'];
  if (operations !== undefined && !(Array.isArray(operations) && operations.length === 1 && operations[0] === 'verify'))
    throw keyErrors.error('key_unsupported', 'The key_ops of a verification key must be exactly verify.');
  return checked;
}

/** RFC 7518 section 6, RFC 8037 section 2. */
const describingMembers = ['crv', 'x', 'y', 'n', 'e'] as const;
const membersOf: Readonly<Record<AuthenticatorAlgorithm, readonly string[]>> = {
  ES256: ['crv', 'x', 'y'],
  ES384: ['crv', 'x', 'y'],
  ES512: ['crv', 'x', 'y'],
  EdDSA: ['crv', 'x'],
  PS256: ['n', 'e'],
};

/** They would make the key look like a different key. */
function checkMembers(jwk: Readonly<Record<string, unknown>>, algorithm: AuthenticatorAlgorithm): void {
  for (const member of describingMembers)
    if (Object.hasOwn(jwk, member) && !membersOf[algorithm].includes(member))
      throw keyErrors.error('key_malformed', `A key of this type has no member ${member}.`);
}

function checkKeyType(jwk: Readonly<Record<string, unknown>>, curves: ReadonlyMap<unknown, Curve>): CheckedJwk {
  switch (jwk['kty']) {
    case 'EC': {
      const curve = curves.get(jwk['crv']);
      if (curve === undefined)
        throw keyErrors.error('key_unsupported', `The EC curve must be ${[...curves.keys()].join(' or ')}.`);
      const x = octets(jwk, 'x', curve.octets);
      const y = octets(jwk, 'y', curve.octets);
      return { algorithm: curve.algorithm, canonical: `{"crv":"${jwk['crv']}","kty":"EC","x":"${x}","y":"${y}"}` };
    }
    case 'OKP': {
      if (jwk['crv'] !== 'Ed25519') throw keyErrors.error('key_unsupported', 'The only OKP curve accepted is Ed25519.');
      const x = octets(jwk, 'x', 32);
      return { algorithm: 'EdDSA', canonical: `{"crv":"Ed25519","kty":"OKP","x":"${x}"}` };
    }
    case 'RSA':
      return { algorithm: 'PS256', canonical: `{"e":"${exponent(jwk)}","kty":"RSA","n":"${modulus(jwk)}"}` };
    default:
      throw keyErrors.error('key_unsupported', 'The key type must be EC (P-256), OKP (Ed25519) or RSA.');
  }
}

function octets(jwk: Readonly<Record<string, unknown>>, member: string, length: number): string {
  const text = jwk[member];
  // RFC 7518 section 6.2.1.2: full length, so that each point has one thumbprint.
  if (typeof text !== 'string' || text.length > 88 || decodeBase64Url(text)?.length !== length)
    throw keyErrors.error('key_malformed', `The member ${member} must be ${length} octets in base64url.`);
  return text;
}

function exponent(jwk: Readonly<Record<string, unknown>>): string {
  if (jwk['e'] !== 'AQAB') throw keyErrors.error('key_unsupported', 'The RSA public exponent must be 65537.');
  return 'AQAB';
}

function modulus(jwk: Readonly<Record<string, unknown>>): string {
  const text = jwk['n'];
  const bytes = typeof text === 'string' && text.length <= 683 ? decodeBase64Url(text) : undefined;
  if (typeof text !== 'string' || bytes === undefined || bytes[0] === undefined || bytes[0] === 0)
    throw keyErrors.error(
      'key_malformed',
      'The RSA modulus must be base64url without leading zeros, of at most 4096 bits.',
    );
  if (bytes.length * 8 - Math.clz32(bytes[0]) + 24 < 2048)
    throw keyErrors.error('key_unsupported', 'An RSA key must have at least 2048 bits.');
  return text;
}

function importJwk(checked: CheckedJwk): VerificationKey | AuthenticatorKey {
  let key: KeyObject;
  try {
    // Only checked members reach the importer.
    key = createPublicKey({ key: JSON.parse(checked.canonical) as Record<string, string>, format: 'jwk' });
  } catch (cause) {
    throw keyErrors.error(
      'key_malformed',
      'The key is not a valid public key of its type (is the point on the curve?).',
      { cause },
    );
  }
  // The only place that makes keys.
  return {
    key,
    algorithm: checked.algorithm,
    thumbprint: sha256Base64Url(checked.canonical) as Thumbprint,
  } as VerificationKey | AuthenticatorKey;
}
