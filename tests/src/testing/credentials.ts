import { createHash, randomUUID } from 'node:crypto';
import type { generateSigningKey } from '@countersign/sdk';
import { importJWK, type JWTPayload, SignJWT } from 'jose';

/** A key pair as the sdk makes it. */
export type Key = ReturnType<typeof generateSigningKey>;

export const clientAssertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
export const jwtBearerGrant = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
export const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token';

const seconds = (): number => Math.floor(Date.now() / 1000);

/** Client authentication (RFC 7523 section 2.2) by another implementation. */
export async function clientAssertion(
  issuer: string,
  { clientId, key, ...claims }: { readonly clientId: string; readonly key: Key } & JWTPayload,
): Promise<string> {
  return new SignJWT({
    iss: clientId,
    sub: clientId,
    aud: issuer,
    jti: randomUUID(),
    iat: seconds(),
    exp: seconds() + 60,
    ...claims,
  })
    .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid: key.kid })
    .sign(await importJWK({ ...key.privateJwk }, 'ES256'));
}

/** A DPoP proof (RFC 9449 section 4.2). */
export async function proofOf(
  key: Key,
  { method, url, accessToken }: { readonly method: string; readonly url: string; readonly accessToken?: string },
): Promise<string> {
  const ath = accessToken === undefined ? undefined : createHash('sha256').update(accessToken).digest('base64url');
  return new SignJWT({
    htm: method,
    htu: url,
    jti: randomUUID(),
    iat: seconds(),
    ...(ath === undefined ? {} : { ath }),
  })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: { ...key.publicJwk } })
    .sign(await importJWK({ ...key.privateJwk }, 'ES256'));
}

export interface TokenAnswer {
  readonly status: number;
  readonly error?: string;
  readonly reason?: string;
  readonly accessToken?: string;
}

/** Posts a form to a token endpoint, exactly as given. */
export async function postToken(
  endpoint: string,
  form: Readonly<Record<string, string>>,
  proof: string,
): Promise<TokenAnswer> {
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', dpop: proof },
    body: new URLSearchParams(form).toString(),
  });
  const { error, reason, access_token: accessToken } = (await answer.json()) as Record<string, string | undefined>;
  return {
    status: answer.status,
    ...(error === undefined ? {} : { error }),
    ...(reason === undefined ? {} : { reason }),
    ...(accessToken === undefined ? {} : { accessToken }),
  };
}
