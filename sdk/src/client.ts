import { toHttpField } from '@countersign/envelope';
import {
  type Clock,
  defined,
  epochSeconds,
  type Random,
  sha256Base64Url,
  systemClock,
  systemRandom,
} from '@countersign/kernel';
import type { AccessTokenClaims } from '@countersign/oauth';
import type { JsonObject } from '@countersign/oauth/signatures';
import { freshJti, generateSigningKey, type SigningKey, signJwt, signProof } from './keys.ts';
import { sdkErrors } from './sdk-errors.ts';
import { type Answer, createTransport, isObject, refusalOf, type Transport } from './transport.ts';

export interface ClientOptions {
  /** Issuer identifier of the control plane, exactly as published. */
  readonly issuer: string;
  readonly clientId: string;
  /** For `private_key_jwt`. */
  readonly key: SigningKey;
  /** Binds the tokens. Default: a new key. */
  readonly proofKey?: SigningKey;
  readonly transport?: Transport;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface TokenRequest {
  /** The audience (RFC 8707). */
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

export interface AuthorizationRequest {
  readonly redirectUri: string;
  /** Returned with the code. */
  readonly state: string;
  /** S256 (RFC 7636). */
  readonly codeChallenge: string;
}

export interface CodeRedemption {
  readonly code: string;
  readonly redirectUri: string;
  readonly codeVerifier: string;
}

/** A confidential client: private_key_jwt (RFC 7523), tokens bound by DPoP (RFC 9449). */
export interface Client {
  /** @throws CodedError with the server's OAuth error code */
  clientCredentials(request: TokenRequest): Promise<Token>;
  /** A token for a person whom a partner's identity provider asserts (RFC 7523 section 2.1). */
  jwtBearer(assertion: string, request: TokenRequest): Promise<Token>;
  /** Pushes an authorization request (RFC 9126) with PKCE, bound to the proof key. @returns the URL for the browser */
  pushAuthorization(request: TokenRequest & AuthorizationRequest): Promise<string>;
  authorizationCode(redemption: CodeRedemption): Promise<Token>;
  /** A narrower token for the next recipient (RFC 8693). */
  exchange(subjectToken: string, request: TokenRequest): Promise<Token>;
  /** Calls a protected interface with a JSON body. Error responses are returned, not thrown. */
  call(token: Token, request: CallRequest): Promise<Answer>;
  /** RFC 7662. Undefined if the token is not active. @throws CodedError with the server's OAuth error code */
  introspect(token: string): Promise<AccessTokenClaims | undefined>;
  /** Like {@link call}, but throws error responses as coded errors. */
  callOrThrow(token: Token, request: CallRequest): Promise<unknown>;
}

export interface CallRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly body?: unknown;
  readonly idempotencyKey?: string;
  readonly envelope?: string;
  /** Returns the body as a Buffer. */
  readonly binary?: boolean;
}

const assertionLifeSeconds = 60;

export function createClient(options: ClientOptions): Client {
  const clock = options.clock ?? systemClock;
  const random = options.random ?? systemRandom;
  const transport = options.transport ?? createTransport();
  const proofKey = options.proofKey ?? generateSigningKey();
  const tokenEndpoint = `${options.issuer}/token`;

  function clientAssertion(): Promise<string> {
    const now = epochSeconds(clock.now());
    // FAPI 2.0 Security Profile section 5.3.3.1: the audience is the issuer, as one string.
    const claims = {
      iss: options.clientId,
      sub: options.clientId,
      aud: options.issuer,
      jti: freshJti(random),
      iat: now,
      exp: now + assertionLifeSeconds,
    };
    return signJwt(options.key, 'client-authentication+jwt', claims);
  }

  /** The latest nonce of each server, by origin. */
  const nonces = new Map<string, string>();

  /** Repeats a request once with the server's nonce (RFC 9449 section 8). */
  async function sendProven(
    compose: () => Promise<Parameters<Transport['send']>[0]>,
    accessToken?: string,
  ): Promise<Answer> {
    const attempt = async (): Promise<Answer> => {
      const request = await compose();
      const dpop = await proof(request.method, request.url, accessToken);
      const answer = await transport.send({ ...request, headers: { ...request.headers, dpop } });
      if (answer.dpopNonce !== undefined) nonces.set(new URL(request.url).origin, answer.dpopNonce);
      return answer;
    };
    const answer = await attempt();
    return wantsNonce(answer) ? attempt() : answer;
  }

  function proof(method: string, url: string, accessToken?: string): Promise<string> {
    const { origin, pathname } = new URL(url);
    const nonce = nonces.get(origin);
    const claims = {
      htm: method,
      htu: origin + pathname,
      jti: freshJti(random),
      iat: epochSeconds(clock.now()),
      ...defined({ nonce, ath: accessToken === undefined ? undefined : sha256Base64Url(accessToken) }),
    };
    return signProof(proofKey, claims);
  }

  const wanted = ({ resource, scope, authorizationDetails }: TokenRequest): Readonly<Record<string, string>> => ({
    resource,
    scope,
    ...(authorizationDetails === undefined ? {} : { authorization_details: JSON.stringify(authorizationDetails) }),
  });

  async function token(grant: Readonly<Record<string, string>>, request?: TokenRequest): Promise<Token> {
    const answer = await sendForm(tokenEndpoint, { ...grant, ...(request === undefined ? {} : wanted(request)) });
    if (answer.status !== 200) throw refusalOf(answer);
    return readToken(answer.body, clock.now());
  }

  async function pushAuthorization({
    redirectUri,
    state,
    codeChallenge,
    ...request
  }: TokenRequest & AuthorizationRequest): Promise<string> {
    const answer = await sendForm(`${options.issuer}/par`, {
      ...wanted(request),
      response_type: 'code',
      redirect_uri: redirectUri,
      state,
      code_challenge: codeChallenge,
      code_challenge_method: 'S256',
    });
    const requestUri = isObject(answer.body) ? answer.body['request_uri'] : undefined;
    if (answer.status !== 201 || typeof requestUri !== 'string') throw refusalOf(answer);
    const query = new URLSearchParams({ client_id: options.clientId, request_uri: requestUri });
    return `${options.issuer}/authorize?${query.toString()}`;
  }

  /** Each request needs a new assertion. */
  function sendForm(url: string, parameters: Readonly<Record<string, string>>): Promise<Answer> {
    return sendProven(async () => ({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: new URLSearchParams({
        ...parameters,
        client_id: options.clientId,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: await clientAssertion(),
      }).toString(),
    }));
  }

  function call(issued: Token, request: CallRequest): Promise<Answer> {
    return sendProven(
      async () => ({
        method: request.method,
        url: request.url,
        headers: {
          authorization: `DPoP ${issued.accessToken}`,
          accept: 'application/json',
          ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...defined({ 'idempotency-key': request.idempotencyKey }),
          ...(request.envelope === undefined ? {} : toHttpField(request.envelope)),
        },
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
        binary: request.binary === true,
      }),
      issued.accessToken,
    );
  }

  return {
    clientCredentials: (request) => token({ grant_type: 'client_credentials' }, request),
    jwtBearer: (assertion, request) =>
      token({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion }, request),
    pushAuthorization,
    authorizationCode: ({ code, redirectUri, codeVerifier }) =>
      token({ grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: codeVerifier }),
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
    async introspect(presented) {
      const answer = await sendForm(`${options.issuer}/introspect`, { token: presented });
      if (answer.status !== 200 || !isObject(answer.body)) throw refusalOf(answer);
      if (answer.body['active'] !== true) return undefined;
      // Loaded on demand: the parser is large.
      const { readAccessTokenClaims } = await import('@countersign/oauth');
      // An object, as checked by the transport.
      return readAccessTokenClaims(answer.body as JsonObject);
    },
    async callOrThrow(issued, request) {
      const answer = await call(issued, request);
      if (answer.status >= 400) throw refusalOf(answer);
      return answer.body;
    },
  };
}

/** RFC 9449 sections 8 and 9: an authorization server returns an OAuth error, a resource server a challenge. */
function wantsNonce({ status, body, dpopNonce }: Answer): boolean {
  if (dpopNonce === undefined || (status !== 400 && status !== 401) || !isObject(body)) return false;
  return [body['error'], body['code']].some((code) => code === 'use_dpop_nonce' || code === 'proof_nonce');
}

function readToken(body: unknown, now: number): Token {
  const {
    access_token: accessToken,
    token_type: tokenType,
    expires_in: expiresIn,
    scope,
    authorization_details: details,
  } = isObject(body) ? body : {};
  // A bearer token has lost its key binding: anyone could use it.
  if (typeof accessToken !== 'string' || tokenType !== 'DPoP' || typeof expiresIn !== 'number')
    throw sdkErrors.error('token_answer_unusable', 'The token endpoint did not answer with a DPoP-bound token.');
  return {
    accessToken,
    scope: typeof scope === 'string' ? scope : '',
    expiresAt: now + expiresIn * 1000,
    authorizationDetails: Array.isArray(details) ? details : [],
  };
}
