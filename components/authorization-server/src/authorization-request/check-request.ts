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

export interface CheckedRequest {
  readonly request: AuthorizationRequest;
  /** JARM. */
  readonly signedResponse: boolean;
  readonly terms: GrantTerms;
}

/**
 * A redirect URI of this client, compared as text (RFC 9700 section 4.1.3). No redirect is allowed before this check.
 *
 * @throws CodedError of `oauthErrors`
 */
export function checkResponseTarget(
  parameters: RequestParameters,
  client: Client,
): ResponseTarget & { readonly signedResponse: boolean } {
  const target = inOAuthWords(() => parseResponseTarget(parameters));
  if (target.clientId !== client.id) throw refuse('client_unknown', 'The client_id names another client.');
  if (!client.redirectUris.includes(target.redirectUri))
    throw refuse('redirect_uri_unregistered', 'The redirect_uri is not registered for this client.');
  return { ...target, signedResponse: client.requireSignedResponse || target.responseMode === 'jwt' };
}

/** Runs when the request is pushed and again when it is used, so that directory changes take effect. @throws CodedError of `oauthErrors` */
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
  // Only an ID token returns the nonce.
  if (request.codeChallenge === undefined && !scopes.includes('openid'))
    throw refuse('nonce_without_id_token', 'Without a code_challenge, request the scope openid.');
  requireScope(scopes, request.authorizationDetails !== undefined);
  const details = checkRequestedDetails(request.authorizationDetails, resource, { ...rules, scopes });
  return {
    request,
    signedResponse,
    terms: { scopes, ...details, resources: resource === undefined ? [] : [resource.uri] },
  };
}

/** OpenID Connect Core sections 6.1 and 6.2. Valid ones have been replaced by their content before. */
function requireParametersThemselves(parameters: RequestParameters): void {
  if (parameters.has('request'))
    throw refuse('request_object_not_here', 'Send the request object in a pushed request.');
  if (parameters.has('request_uri'))
    throw refuse('request_uri_not_here', 'Use a request_uri that this server issued for a pushed request.');
}

function requireScope(scopes: GrantTerms['scopes'], withDetails: boolean): void {
  if (scopes.length > 0) return;
  throw refuse('scope_missing', `Name the requested scopes${withDetails ? ' for the authorization_details' : ''}.`);
}

/** The parser's own code becomes the fact `reason`. */
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
