import { createHmac, createPrivateKey, randomBytes, randomUUID, sign } from 'node:crypto';
import { clientAssertionType, type Key } from './credentials.ts';
import type { ClientName } from './differential-clients.ts';
import type { Endpoint, Side } from './differential-side.ts';
import { doors } from './firms.ts';
import { redirectUri } from './relying-parties.ts';

/** A case's changes to a form: `undefined` leaves a parameter out, several values send it several times. */
export type FormChange = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A case's changes to a token: `undefined` leaves a member out. */
export interface TokenChange {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
  /** Signed by this key, or not correctly signed. */
  readonly by?: Key | 'nobody' | 'a shared secret';
  /** Replaces everything with this text. */
  readonly text?: string;
}

export const seconds = (): number => Math.floor(Date.now() / 1000);
export const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A compact JWS, valid or not. */
export function compactJws(
  header: Readonly<Record<string, unknown>>,
  claims: Readonly<Record<string, unknown>>,
  by: NonNullable<TokenChange['by']>,
): string {
  const unsigned = (alg: string): string => `${base64url({ ...header, alg })}.${base64url(claims)}`;
  if (by === 'nobody') return `${unsigned('none')}.`;
  if (by === 'a shared secret') {
    const input = unsigned('HS256');
    return `${input}.${createHmac('sha256', 'shared').update(input).digest('base64url')}`;
  }
  const input = `${base64url({ alg: 'ES256', ...header })}.${base64url(claims)}`;
  const key = createPrivateKey({ key: { ...by.privateJwk }, format: 'jwk' });
  return `${input}.${sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

/** A `private_key_jwt` client assertion (RFC 7523 section 3). */
export function assertionOf(side: Side, client: ClientName, { claims, header, by, text }: TokenChange = {}): string {
  if (text !== undefined) return text;
  const key = side.key(client);
  const now = seconds();
  return compactJws(
    { typ: 'JWT', kid: key.kid, ...header },
    { iss: client, sub: client, aud: side.issuer, jti: randomUUID(), iat: now, exp: now + 60, ...claims },
    by ?? key,
  );
}

/** A DPoP proof (RFC 9449 section 4.2) for a POST to an endpoint. */
export function proofOf(
  side: Side,
  key: Key,
  { claims, header, by, text }: TokenChange = {},
  endpoint: Endpoint = 'token',
): string {
  if (text !== undefined) return text;
  return compactJws(
    { typ: 'dpop+jwt', jwk: key.publicJwk, ...header },
    { htm: 'POST', htu: side.url(endpoint), jti: randomUUID(), iat: seconds(), ...claims },
    by ?? key,
  );
}

/** A signed request object (RFC 9101, FAPI 2.0 Message Signing section 5.3). */
export function requestObjectOf(side: Side, client: ClientName, change: TokenChange = {}): string {
  if (change.text !== undefined) return change.text;
  const key = side.key(client);
  const now = seconds();
  return compactJws(
    { typ: 'oauth-authz-req+jwt', kid: key.kid, ...change.header },
    {
      iss: client,
      aud: side.issuer,
      nbf: now,
      exp: now + 300,
      jti: randomUUID(),
      ...requestedOf(side, client),
      authorization_details: [side.order()],
      ...change.claims,
    },
    change.by ?? key,
  );
}

/** RFC 7636 appendix B. */
export const codeVerifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
export const codeChallenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

/** An authorization request that both servers accept: an order at the broker, for a person to allow. */
export function requestedOf(side: Side, client: ClientName): Readonly<Record<string, string>> {
  return {
    response_type: 'code',
    client_id: client,
    redirect_uri: redirectUri,
    scope: 'openid order:create',
    resource: doors.broker,
    authorization_details: JSON.stringify([side.order()]),
    code_challenge: codeChallenge,
    code_challenge_method: 'S256',
    state: 'the-state-of-the-client',
    nonce: randomBytes(16).toString('base64url'),
  };
}

export interface Exchange {
  readonly endpoint: Endpoint;
  readonly method?: string;
  readonly form?: FormChange;
  /** Replaces the form. */
  readonly body?: { readonly type: string; readonly text: string };
  /** Values of the `DPoP` header. */
  readonly proofs?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly certificate?: 'issued' | 'selfSigned' | 'strange';
  /** Uses the mutual TLS listener, even without a certificate. */
  readonly mtls?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Sends one request to one server; redirects are not followed. */
export async function send(side: Side, exchange: Exchange): Promise<Answer> {
  const { endpoint, method = 'POST', form, proofs = [], certificate, mtls } = exchange;
  const body = exchange.body ?? (form === undefined ? undefined : { type: formType, text: encode(form) });
  const headers: [string, string][] = [
    ...Object.entries(exchange.headers ?? {}),
    ...proofs.map((proof): [string, string] => ['dpop', proof]),
    ...(body === undefined || method === 'GET' ? [] : ([['content-type', body.type]] as [string, string][])),
  ];
  const listener = certificate !== undefined || mtls === true ? 'mtls' : 'plain';
  const url = side.url(endpoint, listener) + (method === 'GET' && body !== undefined ? `?${body.text}` : '');
  const answer = await side.fetch(certificate)(url, {
    method,
    redirect: 'manual',
    headers,
    ...(body === undefined || method === 'GET' ? {} : { body: body.text }),
  });
  return { status: answer.status, headers: new Headers([...answer.headers]), text: await answer.text() };
}

const formType = 'application/x-www-form-urlencoded';

function encode(form: FormChange): string {
  const pairs = Object.entries(form).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : (typeof value === 'string' ? [value] : value).map((one) => [name, one]),
  );
  return new URLSearchParams(pairs).toString();
}

/** A form with the client's credentials. */
export function authenticated(
  side: Side,
  client: ClientName,
  form: FormChange,
  assertion: TokenChange = {},
): FormChange {
  return {
    client_assertion_type: clientAssertionType,
    client_assertion: assertionOf(side, client, assertion),
    ...form,
  };
}

/** Members of a JSON response; none if it is something else. */
export function membersOf({ text }: Answer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return {};
  }
}

/** A member that must be text. @throws Error with the response when the step before the compared one failed */
export function memberOf(answer: Answer, name: string): string {
  const value = membersOf(answer)[name];
  if (typeof value !== 'string') throw new Error(`no ${name} in ${answer.status} ${answer.text.slice(0, 500)}`);
  return value;
}
