import { constants, verify } from 'node:crypto';
import { isCodedError, type Json, sha256Base64Url } from '@countersign/kernel';
import { type AuthenticatorAlgorithm, importAuthenticatorKey } from '@countersign/oauth';
import { acmeErrors } from './errors.ts';
import { type Members, malformed } from './flattened-jws.ts';

/** Signature algorithms of requests. A MAC is not among them (RFC 8555 section 6.2). */
export const requestAlgorithms = ['ES256', 'ES384', 'ES512', 'EdDSA', 'RS256', 'PS256'] as const;
export type RequestAlgorithm = (typeof requestAlgorithms)[number];

/** A public key that signs requests. */
export interface AccountKey {
  /** RFC 7638. */
  readonly thumbprint: string;
  /** The public members of the key, no others. */
  readonly jwk: Readonly<Record<string, string>>;
  /** SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  verifies(algorithm: RequestAlgorithm, data: Uint8Array, signature: Uint8Array): boolean;
}

const { error } = acmeErrors;

/**
 * @throws CodedError `acme_key_refused`: malformed, private, weak, or of an unsupported type
 */
export function importAccountKey(jwk: Json): AccountKey {
  try {
    const { key, algorithm, thumbprint } = importAuthenticatorKey(jwk);
    const exported = key.export({ format: 'jwk' });
    const members = (['crv', 'e', 'kty', 'n', 'x', 'y'] as const).flatMap((name) => {
      const value = exported[name];
      return typeof value === 'string' ? [[name, value] as const] : [];
    });
    return {
      thumbprint,
      jwk: Object.fromEntries(members),
      publicKey: key.export({ format: 'der', type: 'spki' }),
      verifies(named, data, signature) {
        if (!algorithmsOf(algorithm).includes(named)) return false;
        const hash = named === 'EdDSA' ? null : `sha${named.slice(2)}`;
        if (named.startsWith('ES')) return verify(hash, data, { key, dsaEncoding: 'ieee-p1363' }, signature);
        if (named === 'PS256')
          return verify(hash, data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, signature);
        return verify(hash, data, key, signature);
      },
    };
  } catch (cause) {
    if (!isCodedError(cause)) throw cause;
    throw error('acme_key_refused', cause.detail, { cause });
  }
}

/** An RSA key can make both forms of RSA signatures; most ACME clients support RS256 only. */
function algorithmsOf(algorithm: AuthenticatorAlgorithm): readonly RequestAlgorithm[] {
  return algorithm === 'PS256' ? ['RS256', 'PS256'] : [algorithm];
}

/** @throws CodedError `acme_algorithm_unsupported` */
export function requestAlgorithmIn({ alg }: Members): RequestAlgorithm {
  if (typeof alg !== 'string') throw malformed('The protected header names no algorithm.');
  const algorithm = requestAlgorithms.find((known) => known === alg);
  if (algorithm === undefined)
    throw error('acme_algorithm_unsupported', `Sign with one of ${requestAlgorithms.join(', ')}.`, {
      facts: { algorithms: requestAlgorithms },
    });
  return algorithm;
}

/** The digest by which keys of certificates are compared: SHA-256 of the SubjectPublicKeyInfo, base64url. */
export const publicKeyDigest = ({ publicKey }: Pick<AccountKey, 'publicKey'>): string => sha256Base64Url(publicKey);
