import { type Client, oauthErrors } from '@countersign/contracts';
import { defined, isCodedError } from '@countersign/kernel';
import { parseCompactJws, type RequestParameters, requestObjectErrors, verifyRequestObject } from '@countersign/oauth';
import { refuse } from '../authorization-request/index.ts';
import type { ClientContext } from '../client-endpoint/index.ts';
import type { ClientKeys } from '../client-keys/index.ts';

/** Tolerated difference between the clocks of two nodes. */
const clockDifferenceMs = 60_000;

export interface RequestObject {
  readonly text: string;
  readonly parameters: RequestParameters;
  /** Its `jti`, if present. */
  readonly id?: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface RequestObjectRules {
  readonly issuer: string;
  readonly clientKeys: Pick<ClientKeys, 'held' | 'fetch' | 'checkAge'>;
}

/**
 * RFC 9101, FAPI 2.0 Message Signing section 5.3. Parameters beside the object are ignored, except for client authentication.
 *
 * @returns undefined if there is no object and the client does not need one
 * @throws CodedError of `oauthErrors`
 */
export async function readRequestObject(
  { client, parameters, now }: Pick<ClientContext, 'client' | 'parameters' | 'now'>,
  { issuer, clientKeys }: RequestObjectRules,
): Promise<RequestObject | undefined> {
  // RFC 9126 section 2.1.
  if (parameters.has('request_uri'))
    throw refuse('request_uri_inside', 'A pushed request must not contain a request_uri.');
  const text = parameters.get('request');
  if (text === undefined) {
    if (client.requireSignedRequest)
      throw refuse('signed_request_required', 'The client must push its parameters as a signed request.');
    return undefined;
  }
  const verify = () =>
    verifyRequestObject(text, { issuer, clientId: client.id, now, keysOf: () => clientKeys.held(client, now) });
  const verified = await inOAuthWords(() => withFreshKeys(verify, client, clientKeys, now));
  clientKeys.checkAge(client, verified.keyThumbprint, now);
  const { id, exp } = claimsOf(text);
  const expiresAt = exp * 1000 + clockDifferenceMs;
  return { text, parameters: verified.parameters, expiresAt, ...defined({ id }) };
}

/** If no cached key fits, remote keys are fetched once, for key rotation. */
async function withFreshKeys<Result>(
  verify: () => Result,
  client: Client,
  clientKeys: Pick<ClientKeys, 'fetch'>,
  now: number,
): Promise<Result> {
  try {
    return verify();
  } catch (error) {
    if (client.jwksUri === undefined || !requestObjectErrors.is(error, 'request_object_key')) throw error;
    await clientKeys.fetch(client, now);
    return verify();
  }
}

/** The claims of a request object whose signature has been verified. */
function claimsOf(text: string): { readonly id: string | undefined; readonly exp: number } {
  const { unverifiedClaims } = parseCompactJws(text, (_problem, detail) =>
    requestObjectErrors.error('request_object_malformed', detail),
  );
  const { jti: id, exp } = unverifiedClaims;
  if (id !== undefined && (typeof id !== 'string' || id === '' || id.length > 256))
    throw refuse('request_object_parameter', 'The jti of the request object must be text of 1 to 256 characters.');
  if (typeof exp !== 'number') throw new Error('a verified request object has no exp');
  return { id, exp };
}

async function inOAuthWords<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!isCodedError(error) || !Object.hasOwn(requestObjectErrors.codes, error.code)) throw error;
    throw oauthErrors.error('invalid_request_object', error.detail, {
      facts: { ...error.facts, reason: error.code },
      cause: error,
    });
  }
}
