import { createHash, randomBytes } from 'node:crypto';
import { CodedError } from '@countersign/kernel';
import { CompactSign, importJWK, SignJWT } from 'jose';
import type { Key } from './cast.ts';

export interface SignedIn {
  /** Only for the order system. */
  readonly idToken: string;
  /** Only for the control plane (RFC 7523). */
  readonly assertion: string;
}

/**
 * A person signs in at their own firm's identity provider (OpenID Connect, authorization code with PKCE), and the
 * order system turns the ID token into an assertion for the control plane (RFC 8693, the first hop of identity
 * chaining).
 */
export async function signIn(options: {
  readonly provider: string;
  readonly controlPlane: string;
  readonly subject: string;
  readonly signInKey: Key;
  readonly clientId: string;
  readonly clientKey: Key;
}): Promise<SignedIn> {
  const { provider, clientId } = options;
  const codeVerifier = randomBytes(32).toString('base64url');
  const authorize = new URL(`${provider}/authorize`);
  authorize.search = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: 'https://oms.example/callback',
    scope: 'openid',
    state: randomBytes(8).toString('hex'),
    nonce: randomBytes(8).toString('hex'),
    code_challenge: createHash('sha256').update(codeVerifier).digest('base64url'),
    code_challenge_method: 'S256',
  }).toString();
  const { challenge } = (await (await fetch(authorize)).json()) as { challenge: string };
  const proof = await new CompactSign(new TextEncoder().encode(challenge))
    .setProtectedHeader({ alg: 'ES256' })
    .sign(await importJWK({ ...options.signInKey.privateJwk }, 'ES256'));
  const redirect = await fetch(`${provider}/sign-in`, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ subject: options.subject, proof }),
  });
  const location = redirect.headers.get('location');
  if (location === null)
    throw new CodedError({
      code: 'sign_in_failed',
      category: 'unauthenticated',
      detail: 'The identity provider did not accept the sign-in.',
    });
  const code = new URL(location).searchParams.get('code') ?? '';
  const { id_token: idToken } = await tokenRequest(options, {
    grant_type: 'authorization_code',
    code,
    code_verifier: codeVerifier,
  });
  const { access_token: assertion } = await tokenRequest(options, {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: idToken ?? '',
    subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    requested_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    audience: options.controlPlane,
  });
  return { idToken: idToken ?? '', assertion: assertion ?? '' };
}

async function tokenRequest(
  { provider, clientId, clientKey }: { readonly provider: string; readonly clientId: string; readonly clientKey: Key },
  form: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, string>>> {
  const clientAssertion = await new SignJWT({ jti: randomBytes(16).toString('hex') })
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(provider)
    .setIssuedAt()
    .setExpirationTime('60s')
    .sign(await importJWK({ ...clientKey.privateJwk }, 'ES256'));
  const answer = await fetch(`${provider}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      ...form,
      client_assertion: clientAssertion,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    }),
  });
  return (await answer.json()) as Record<string, string>;
}
