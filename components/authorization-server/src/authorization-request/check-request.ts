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

/** An authorization request that the client's current registration permits. */
export interface CheckedRequest {
  readonly request: AuthorizationRequest;
  /** Responses go to the redirect URI as one signed JWT (JARM). */
  readonly signedResponse: boolean;
  /** Everything that would be granted. */
  readonly terms: GrantTerms;
}

/**
 * The destination of the response: a redirect URI of this client, compared as text (RFC 9700 section 4.1.3). Before this
 * check has passed, the request must not redirect a browser.
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
 * The rules of an authorization request, in order of application. They run both when it is pushed and when it is used, so
 * that changes in the directory take effect.
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
  // The ID token is the only place where the client finds the nonce again.
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
 * OpenID Connect Core sections 6.1 and 6.2: a request object is accepted only in the pushed request, and a `request_uri`
 * must come from this server. Before the checks, either has been replaced by its content.
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

/** Maps a parser error to an OAuth error; its own code becomes the fact `reason`. */
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
