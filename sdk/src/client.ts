import {
  type Clock,
  CodedError,
  epochSeconds,
  type Random,
  sha256Base64Url,
  systemClock,
  systemRandom,
} from '@countersign/kernel';
import { encodeHeader, signCompactJws } from '@countersign/oauth';
import { generateSigningKey, type SigningKey } from './keys.ts';
import { type Answer, createTransport, isObject, refusalOf, type Transport } from './transport.ts';

export interface ClientOptions {
  /** Issuer identifier of the control plane, exactly as it calls itself. */
  readonly issuer: string;
  readonly clientId: string;
  /** The key registered for `private_key_jwt`. */
  readonly key: SigningKey;
  /** Tokens are bound to this key; a fresh one when left out. */
  readonly proofKey?: SigningKey;
  readonly transport?: Transport;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface TokenRequest {
  /** The one interface the token is for (RFC 8707). */
  readonly resource: string;
  readonly scope: string;
  /** RFC 9396. */
  readonly authorizationDetails?: readonly unknown[];
}

export interface Token {
  readonly accessToken: string;
  readonly scope: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly authorizationDetails: readonly unknown[];
}

/** A confidential client of the control plane: private_key_jwt (RFC 7523), tokens bound by DPoP (RFC 9449). */
export interface Client {
  /** A token for itself. @throws CodedError with the server's OAuth error code */
  clientCredentials(request: TokenRequest): Promise<Token>;
  /** A token for a person whom a partner's identity provider vouches for (RFC 7523 section 2.1). */
  jwtBearer(assertion: string, request: TokenRequest): Promise<Token>;
  /** A narrower token for the next firm (RFC 8693). */
  exchange(subjectToken: string, request: TokenRequest): Promise<Token>;
  /** Calls a protected interface; the body is sent as JSON. Refusals are answers, not errors. */
  call(token: Token, request: CallRequest): Promise<Answer>;
  /** As {@link call}, but throws the refusal as a coded error. */
  callOrThrow(token: Token, request: CallRequest): Promise<unknown>;
}

export interface CallRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: string;
  readonly body?: unknown;
  readonly idempotencyKey?: string;
  /** The answer's body as a Buffer, whatever its type. */
  readonly binary?: boolean;
}

const assertionLifeSeconds = 60;

export function createClient(options: ClientOptions): Client {
  const clock = options.clock ?? systemClock;
  const random = options.random ?? systemRandom;
  const transport = options.transport ?? createTransport();
  const proofKey = options.proofKey ?? generateSigningKey();
  const tokenEndpoint = `${options.issuer}/token`;
  const assertionHeader = encodeHeader({
    alg: options.key.algorithm,
    typ: 'client-authentication+jwt',
    kid: options.key.kid,
  });
  const proofHeader = encodeHeader({ alg: proofKey.algorithm, typ: 'dpop+jwt', jwk: proofKey.publicJwk });

  const freshId = (): string => Buffer.from(random.bytes(16)).toString('base64url');

  function clientAssertion(): Promise<string> {
    const now = epochSeconds(clock.now());
    // FAPI 2.0 Security Profile section 5.3.3.1: the audience is the issuer, as one string.
    const claims = {
      iss: options.clientId,
      sub: options.clientId,
      aud: options.issuer,
      jti: freshId(),
      iat: now,
      exp: now + assertionLifeSeconds,
    };
    return signCompactJws(assertionHeader, claims, async (input) => options.key.sign(input));
  }

  function proof(method: string, url: string, accessToken?: string): Promise<string> {
    const { origin, pathname } = new URL(url);
    const claims = {
      htm: method,
      htu: origin + pathname,
      jti: freshId(),
      iat: epochSeconds(clock.now()),
      ...(accessToken === undefined ? {} : { ath: sha256Base64Url(accessToken) }),
    };
    return signCompactJws(proofHeader, claims, async (input) => proofKey.sign(input));
  }

  async function token(grant: Readonly<Record<string, string>>, request: TokenRequest): Promise<Token> {
    const form = new URLSearchParams({
      ...grant,
      resource: request.resource,
      scope: request.scope,
      client_id: options.clientId,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await clientAssertion(),
      ...(request.authorizationDetails === undefined
        ? {}
        : { authorization_details: JSON.stringify(request.authorizationDetails) }),
    });
    const answer = await transport.send({
      method: 'POST',
      url: tokenEndpoint,
      headers: { 'content-type': 'application/x-www-form-urlencoded', dpop: await proof('POST', tokenEndpoint) },
      body: form.toString(),
    });
    if (answer.status !== 200) throw refusalOf(answer);
    return readToken(answer.body, clock.now());
  }

  async function call(issued: Token, request: CallRequest): Promise<Answer> {
    return transport.send({
      method: request.method,
      url: request.url,
      headers: {
        authorization: `DPoP ${issued.accessToken}`,
        dpop: await proof(request.method, request.url, issued.accessToken),
        accept: 'application/json',
        ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(request.idempotencyKey === undefined ? {} : { 'idempotency-key': request.idempotencyKey }),
      },
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      binary: request.binary === true,
    });
  }

  return {
    clientCredentials: (request) => token({ grant_type: 'client_credentials' }, request),
    jwtBearer: (assertion, request) =>
      token({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion }, request),
    exchange: (subjectToken, request) =>
      token(
        {
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          subject_token: subjectToken,
          subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        },
        request,
      ),
    call,
    async callOrThrow(issued, request) {
      const answer = await call(issued, request);
      if (answer.status >= 400) throw refusalOf(answer);
      return answer.body;
    },
  };
}

function readToken(body: unknown, now: number): Token {
  const {
    access_token: accessToken,
    token_type: tokenType,
    expires_in: expiresIn,
    scope,
    authorization_details: details,
  } = isObject(body) ? body : {};
  // A server that answers with a bearer token has lost the binding: better no token than one anybody can use.
  if (typeof accessToken !== 'string' || tokenType !== 'DPoP' || typeof expiresIn !== 'number')
    throw new CodedError({
      code: 'token_answer_unusable',
      category: 'unavailable',
      detail: 'The token endpoint did not answer with a DPoP-bound token.',
    });
  return {
    accessToken,
    scope: typeof scope === 'string' ? scope : '',
    expiresAt: now + expiresIn * 1000,
    authorizationDetails: Array.isArray(details) ? details : [],
  };
}
