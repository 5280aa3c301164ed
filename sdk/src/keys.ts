import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { CodedError, type Random, sha256Base64Url } from '@countersign/kernel';
import { reimported } from '@countersign/kernel/key-pairs';
import { encodeHeader, signCompactJws } from '@countersign/oauth/signatures';
import { sdkErrors } from './sdk-errors.ts';

export interface SigningKey {
  readonly kid: string;
  readonly algorithm: 'ES256' | 'EdDSA';
  readonly publicJwk: Readonly<Record<string, string>>;
  sign(data: Uint8Array): Uint8Array;
}

/** Private JWK, EC P-256 or Ed25519. @throws CodedError `key_unusable`, without the key */
export function importSigningKey(jwk: unknown): SigningKey {
  try {
    // The import checks its members.
    return signingKey(createPrivateKey({ key: jwk as Record<string, string>, format: 'jwk' }));
  } catch (cause) {
    if (cause instanceof CodedError) throw cause;
    throw sdkErrors.error('key_unusable', 'The key is not a private JWK of type EC P-256 or Ed25519.', { cause });
  }
}

/** ES256. Store `privateJwk` only in a file with mode 0600. */
export function generateSigningKey(): SigningKey & { readonly privateJwk: Readonly<Record<string, string>> } {
  const { privateKey } = reimported(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  // A JWK has only text members.
  return { ...signingKey(privateKey), privateJwk: privateKey.export({ format: 'jwk' }) as Record<string, string> };
}

function signingKey(privateKey: KeyObject): SigningKey {
  const { kty, crv, x, y } = createPublicKey(privateKey).export({ format: 'jwk' });
  const isEc = crv === 'P-256' && y !== undefined;
  if (kty === undefined || x === undefined || !(isEc || crv === 'Ed25519'))
    throw sdkErrors.error('key_unusable', 'Only keys of type EC P-256 and Ed25519 are used for signing.');
  const publicJwk = isEc ? { crv, kty, x, y } : { crv, kty, x };
  return {
    kid: sha256Base64Url(JSON.stringify(publicJwk)),
    algorithm: isEc ? 'ES256' : 'EdDSA',
    publicJwk,
    sign: (data) =>
      isEc ? sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' }) : sign(null, data, privateKey),
  };
}

/** A compact JWS that names its key by `kid`. */
export function signJwt(key: SigningKey, typ: string, claims: object): Promise<string> {
  const { algorithm: alg, kid } = key;
  return signCompactJws(claims, encodeHeader({ alg, typ, kid }), async (input) => key.sign(input));
}

/** A DPoP proof (RFC 9449 section 4.2), which holds its public key. */
export function signProof(key: SigningKey, claims: object): Promise<string> {
  const header = encodeHeader({ alg: key.algorithm, typ: 'dpop+jwt', jwk: key.publicJwk });
  return signCompactJws(claims, header, async (input) => key.sign(input));
}

export function freshJti(random: Random): string {
  return Buffer.from(random.bytes(16)).toString('base64url');
}
