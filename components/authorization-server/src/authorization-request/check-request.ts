import { type Client, type GrantTerms, oauthErrors } from '@countersign/contracts';
import { type CodedError, isCodedError } from '@countersign/kernel';
import {
  type AuthorizationRequest,
  authorizationRequestErrors,
  oauthErrorOfAuthorizationRequest,
  parseAuthorizationRequest,
  parseResponseTarget,
  type RequestParameters,
  type ResponseTarget,
} from '@countersign/oauth';
import {
  checkRequestedDetails,
  checkRequestedResource,
  checkRequestedScopes,
  type RequestRules,
} from './check-requested-terms.ts';
import { refuse } from './refusals.ts';

/** An authorization request that the client may make, by what the directory says of the client now. */
export interface CheckedRequest {
  readonly request: AuthorizationRequest;
  /** Answers go to the redirect URI as one signed JWT (JARM). */
  readonly signedResponse: boolean;
  /** Everything that would be granted. */
  readonly terms: GrantTerms;
}

/**
 * Where the answer may go: a redirect URI of this client, compared as text (RFC 9700 section 4.1.3). Until this has
 * passed, nothing of the request may send a browser anywhere.
 *
 * @throws CodedError of `oauthErrors`
 */
export function checkResponseTarget(
  parameters: RequestParameters,
  client: Client,
): ResponseTarget & { readonly signedResponse: boolean } {
  const target = inOAuthWords(() => parseResponseTarget(parameters));
  if (target.clientId !== client.id) throw refuse('client_unknown', 'The client_id is not that of the client.');
  if (!client.redirectUris.includes(target.redirectUri))
    throw refuse('redirect_uri_unregistered', 'The redirect_uri is not one that was registered for this client.');
  return { ...target, signedResponse: client.requireSignedResponse || target.responseMode === 'jwt' };
}

/**
 * The rules of an authorization request, in the order in which they are applied: the same when it is pushed and when
 * it is used, so that what has changed in the directory in between counts.
 *
 * @throws CodedError of `oauthErrors`
 */
export function checkAuthorizationRequest(parameters: RequestParameters, rules: RequestRules): CheckedRequest {
  const { client } = rules;
  const { signedResponse } = checkResponseTarget(parameters, client);
  if (!client.grantTypes.includes('authorization_code'))
    throw refuse('grant_not_registered', 'The client is not registered for the grant authorization_code.');
  requireParametersThemselves(parameters);
  const request = inOAuthWords(() => parseAuthorizationRequest(parameters, client));
  if (client.requireSignedResponse && parameters.get('response_mode') === 'query')
    throw refuse('response_mode_unsigned', 'The client is registered for signed responses: response_mode must be jwt.');
  const scopes = checkRequestedScopes(request.scope, client);
  const resource = checkRequestedResource(request.resource, scopes, rules, {
    withDetails: request.authorizationDetails !== undefined,
  });
  // The nonce is in the ID token, and nowhere else would the client find it again.
  if (request.codeChallenge === undefined && !scopes.includes('openid'))
    throw refuse('nonce_without_id_token', 'Without a code_challenge the scope openid must be asked for.');
  requireScope(scopes, request.authorizationDetails !== undefined);
  const details = checkRequestedDetails(request.authorizationDetails, resource, { ...rules, scopes });
  return {
    request,
    signedResponse,
    terms: { scopes, ...details, resources: resource === undefined ? [] : [resource.uri] },
  };
}

/**
 * OpenID Connect Core sections 6.1 and 6.2: a request object goes into the pushed request, and a `request_uri` is one
 * that was given out there. By the time a request is checked, either has been replaced by what it holds.
 */
function requireParametersThemselves(parameters: RequestParameters): void {
  if (parameters.has('request'))
    throw refuse('request_object_not_here', 'A request object is taken in a pushed request, and not here.');
  if (parameters.has('request_uri'))
    throw refuse('request_uri_not_here', 'A request_uri is taken when it was given out for a pushed request.');
}

function requireScope(scopes: GrantTerms['scopes'], withDetails: boolean): void {
  if (scopes.length === 0)
    throw refuse(
      'scope_missing',
      withDetails
        ? 'Name the scopes that the authorization_details are to be used with.'
        : 'Name the scopes that are asked for; there is no scope to give by default.',
    );
}

/** What the parser refuses, in the words of the wire; its own code becomes the fact `reason`. */
function inOAuthWords<Result>(parse: () => Result): Result {
  try {
    return parse();
  } catch (error) {
    throw translated(error) ?? error;
  }
}

function translated(error: unknown): CodedError | undefined {
  if (!isCodedError(error) || !isProblem(error.code)) return undefined;
  return oauthErrors.error(oauthErrorOfAuthorizationRequest[error.code], error.detail, {
    facts: { ...error.facts, reason: error.code },
    cause: error,
  });
}

function isProblem(code: string): code is keyof typeof authorizationRequestErrors.codes {
  return Object.hasOwn(authorizationRequestErrors.codes, code);
}
