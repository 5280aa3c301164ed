import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { CodedError, sha256Base64Url } from '@countersign/kernel';

export interface SigningKey {
  readonly kid: string;
  readonly algorithm: 'ES256' | 'EdDSA';
  readonly publicJwk: Readonly<Record<string, string>>;
  sign(data: Uint8Array): Uint8Array;
}

/** Private JWK, EC P-256 or Ed25519. @throws CodedError `key_unusable`, without the key */
export function importSigningKey(jwk: unknown): SigningKey {
  try {
    return signingKey(createPrivateKey({ key: jwk as Record<string, string>, format: 'jwk' }));
  } catch (cause) {
    if (cause instanceof CodedError) throw cause;
    throw new CodedError({
      code: 'key_unusable',
      category: 'invalid',
      detail: 'The key is not a private JWK of type EC P-256 or Ed25519.',
      cause,
    });
  }
}

/** ES256. Store `privateJwk` only in a file with mode 0600. */
export function generateSigningKey(): SigningKey & { readonly privateJwk: Readonly<Record<string, string>> } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...signingKey(privateKey), privateJwk: privateKey.export({ format: 'jwk' }) as Record<string, string> };
}

function signingKey(privateKey: KeyObject): SigningKey {
  const { kty, crv, x, y } = createPublicKey(privateKey).export({ format: 'jwk' });
  if (crv === 'P-256' && kty !== undefined && x !== undefined && y !== undefined) {
    const publicJwk = { crv, kty, x, y };
    return {
      kid: sha256Base64Url(JSON.stringify(publicJwk)),
      algorithm: 'ES256',
      publicJwk,
      sign: (data) => sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
    };
  }
  if (crv === 'Ed25519' && kty !== undefined && x !== undefined) {
    const publicJwk = { crv, kty, x };
    return {
      kid: sha256Base64Url(JSON.stringify(publicJwk)),
      algorithm: 'EdDSA',
      publicJwk,
      sign: (data) => sign(null, data, privateKey),
    };
  }
  throw new CodedError({
    code: 'key_unusable',
    category: 'invalid',
    detail: 'Only keys of type EC P-256 and Ed25519 are used for signing.',
  });
}
