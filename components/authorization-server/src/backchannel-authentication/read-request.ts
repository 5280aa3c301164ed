import type { Client } from '@countersign/contracts';
import { type Digest, digestOf, type Json, sha256 } from '@countersign/kernel';
import {
  type ClaimFault,
  checkClaims,
  hasType,
  type JsonObject,
  type JwsProblem,
  maxRequestObjectLength,
  maxRequestObjectLifetimeSeconds,
  parseCompactJws,
  type UnverifiedJws,
  type VerificationKey,
  verifyJws,
} from '@countersign/oauth';
import type { ClientContext } from '../client-endpoint/index.ts';
import type { ClientKeys } from '../client-keys/index.ts';
import type { PushedRequestStore } from '../pushed-requests/index.ts';
import type { Parameters } from './parse-request.ts';
import { refuse } from './refusals.ts';

export interface ReadRequest {
  readonly parameters: Parameters;
  /** For the record; undefined for a form. */
  readonly signedDigest?: Digest;
  /** Uses up the signed request, once its parameters are valid. @throws CodedError if it was used before */
  claim(): Promise<void>;
}

export interface ReadDependencies extends SignedRequestRules {
  /** A `jti` is single-use across endpoints. */
  readonly objects: Pick<PushedRequestStore, 'claimObject'>;
}

const credentialParameters = ['client_id', 'client_assertion', 'client_assertion_type'];
/** Tolerated difference between the clocks of two nodes. */
const clockDifferenceMs = 60_000;

/**
 * Reads the parameters, signed if the registration requires it. A signed request must contain all of them (CIBA Core section 7.1.1).
 *
 * @throws CodedError of `oauthErrors`
 */
export async function readRequest(
  { client, parameters, now }: Pick<ClientContext, 'client' | 'parameters' | 'now'>,
  { objects, ...rules }: ReadDependencies,
): Promise<ReadRequest> {
  const sent = new Map<string, Json>([...parameters].filter(([name]) => !credentialParameters.includes(name)));
  if (sent.has('request_uri'))
    throw refuse(
      'request_uri_unsupported',
      'request_uri is not supported here. Send the parameters, signed or unsigned.',
    );
  const text = parameters.get('request');
  if (text === undefined) {
    if (mustSign(client))
      throw refuse('signed_request_required', 'The client must send its parameters as a signed request.');
    return { parameters: sent, claim: async () => undefined };
  }
  const beside = [...sent.keys()].find((name) => name !== 'request' && known.has(name));
  if (beside !== undefined)
    throw refuse('signed_request_mixed', `The parameter ${beside} must be in the signed request only.`);
  const signed = await verifySignedRequest(text, { client, now }, rules);
  return {
    parameters: signed.parameters,
    signedDigest: digestOf(text),
    async claim() {
      const key = sha256(`${client.id.length}:${client.id}${signed.id}`);
      if (!(await objects.claimObject(key, signed.expiresAt + clockDifferenceMs)))
        throw refuse('signed_request_replayed', 'The signed request was used before. Sign a new one, with a new jti.');
    },
  };
}

/** FAPI-CIBA section 5.2.2. */
function mustSign(client: ClientContext['client']): boolean {
  return client.requireSignedRequest || client.profile === 'fapi2';
}

const known: ReadonlySet<string> = new Set([
  ...['scope', 'resource', 'authorization_details', 'acr_values', 'binding_message', 'requested_expiry'],
  ...['login_hint', 'id_token_hint', 'login_hint_token', 'client_notification_token', 'dpop_jkt', 'user_code'],
  'request_context',
]);

export interface SignedRequest {
  readonly parameters: Parameters;
  /** Its `jti`. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface SignedRequestRules {
  readonly issuer: string;
  readonly clientKeys: Pick<ClientKeys, 'held' | 'fetch' | 'checkAge'>;
}

/** Claims about the request object, not parameters of the request (RFC 7519 section 4.1). */
const registeredClaims: ReadonlySet<string> = new Set(['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti']);
/** CIBA Core defines no `typ`. */
const acceptedTypes: readonly (string | undefined)[] = ['oauth-authz-req+jwt', 'JWT', undefined];
/** Never in a CIBA request: without a `typ`, only the content differs from an authorization request. */
const authorizationParameters = ['response_type', 'redirect_uri', 'code_challenge'];

/** CIBA Core section 7.1.1, with the lifetime of FAPI-CIBA section 5.2.2. @throws CodedError `invalid_request` */
export async function verifySignedRequest(
  text: string,
  { client, now }: { readonly client: Client; readonly now: number },
  { issuer, clientKeys }: SignedRequestRules,
): Promise<SignedRequest> {
  const jws = parseCompactJws(text, refuseJws, { maxLength: maxRequestObjectLength });
  if (!hasType(jws.header, ...acceptedTypes))
    throw refuse('signed_request_type', 'The typ of the signed request names another kind of token.');
  if (jws.unverifiedClaims['iss'] !== client.id)
    throw refuse('signed_request_issuer', 'The iss of the signed request must be the client_id.');
  const key = await keyOf(jws, client, now, clientKeys);
  const claims = verifyJws(jws, key, refuseJws);
  clientKeys.checkAge(client, key.thumbprint, now);
  const { exp, jti } = checkClaims(
    claims,
    {
      nowSeconds: now / 1000,
      required: ['exp', 'iat', 'nbf', 'jti'],
      audience: [issuer],
      audienceArray: 'several',
      startsAt: 'nbf',
      maxAgeSeconds: maxRequestObjectLifetimeSeconds,
      maxLifetimeSeconds: maxRequestObjectLifetimeSeconds,
      maxIdLength: 256,
    },
    refuseClaims,
  );
  checkKind(claims, client);
  return {
    id: jti,
    expiresAt: exp * 1000,
    parameters: new Map(Object.entries(claims).filter(([name]) => !registeredClaims.has(name))),
  };
}

/** If no cached key fits, remote keys are fetched once, for key rotation. */
async function keyOf(
  { header }: UnverifiedJws,
  client: Client,
  now: number,
  clientKeys: SignedRequestRules['clientKeys'],
): Promise<VerificationKey> {
  const fitting = () =>
    (clientKeys.held(client, now) ?? []).filter(
      ({ kid, key }) => key.algorithm === header.alg && (header.kid === undefined || header.kid === kid),
    );
  let found = fitting();
  if (found.length === 0 && client.jwksUri !== undefined) {
    await clientKeys.fetch(client, now);
    found = fitting();
  }
  const [first, another] = found;
  // Several fitting keys would leave open which one signed.
  if (first === undefined || another !== undefined)
    throw refuse('signed_request_key', 'The kid and alg of the signed request must name one key of the client.');
  return first.key;
}

function checkKind(claims: JsonObject, client: Client): void {
  if (Object.hasOwn(claims, 'client_id') && claims['client_id'] !== client.id)
    throw refuse('signed_request_client', 'The client_id in the signed request names another client.');
  // Only its `sub` distinguishes a client assertion (RFC 9101 section 10.8).
  if (claims['sub'] === client.id)
    throw refuse('signed_request_kind', 'A client assertion is not a signed authentication request.');
  if (authorizationParameters.some((name) => Object.hasOwn(claims, name)))
    throw refuse('signed_request_kind', 'A request object for the authorization endpoint cannot be used here.');
  if (Object.hasOwn(claims, 'request') || Object.hasOwn(claims, 'request_uri'))
    throw refuse('signed_request_kind', 'A signed request must not contain another request.');
}

function refuseJws(problem: JwsProblem, detail: string) {
  return refuse(`signed_request_${problem}`, `The signed request is not accepted. ${detail}`);
}

const nameOfFault = {
  issuer: 'issuer',
  audience: 'audience',
  time: 'time',
  ahead: 'time',
  age: 'time',
  expired: 'expired',
  lifetime: 'lifetime',
  id: 'id',
} as const;

function refuseClaims(fault: ClaimFault, detail: string) {
  return refuse(`signed_request_${nameOfFault[fault]}`, `The signed request is not accepted. ${detail}`);
}
