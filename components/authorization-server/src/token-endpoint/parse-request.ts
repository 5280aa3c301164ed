import type { TokenRequest } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import { clientAssertionType, parseForm } from '@countersign/oauth';
import type { GrantHandler, GrantRequest } from '../grants/grant-handler.ts';
import { asOAuthError, refuse } from '../refusal.ts';

/** A token request whose form could be read; nothing in it is believed yet. */
export interface ParsedTokenRequest {
  readonly grantType: GrantHandler['grantType'];
  readonly grant: GrantRequest;
  readonly clientAssertion: string;
  readonly clientId?: string;
  /** The one target, by `resource` (RFC 8707) or `audience` (RFC 8693). */
  readonly target?: string;
  readonly scope?: string;
  readonly authorizationDetails?: string;
}

/** RFC 6749 section 4.4.2 and its kin. @throws CodedError of `oauthErrors` */
export function parseTokenRequest(
  request: TokenRequest,
  grants: ReadonlyMap<string, GrantHandler>,
): ParsedTokenRequest {
  const parameters = readForm(request.body);
  const grantType = parameters.get('grant_type');
  if (grantType === undefined) throw refuse('parameter_missing', 'The parameter grant_type is missing.');
  const handler = grants.get(grantType);
  if (handler === undefined)
    throw refuse('grant_type_unsupported', `The grant_type must be one of ${[...grants.keys()].join(', ')}.`);
  const clientAssertion = readClientAssertion(parameters, request.authorization);
  return {
    grantType: handler.grantType,
    grant: handler.parse(parameters),
    clientAssertion,
    ...optional('clientId', parameters.get('client_id')),
    ...optional('target', readTarget(parameters)),
    ...optional('scope', parameters.get('scope')),
    ...optional('authorizationDetails', parameters.get('authorization_details')),
  };
}

function readForm(body: string): ReadonlyMap<string, string> {
  try {
    return parseForm(body);
  } catch (error) {
    const repeated = isCodedError(error, 'form_repeated') ? error.facts?.['parameter'] : undefined;
    if (repeated === 'resource' || repeated === 'audience') throw ambiguousTarget();
    throw asOAuthError(error) ?? error;
  }
}

function readClientAssertion(parameters: ReadonlyMap<string, string>, authorization: readonly string[]): string {
  // RFC 6749 section 2.3: not more than one method; and there are no shared secrets here to begin with.
  const assertion = parameters.get('client_assertion');
  if (authorization.length > 0 || parameters.has('client_secret') || assertion === undefined)
    throw refuse(
      'client_authentication_missing',
      'The client must authenticate with a client_assertion (private_key_jwt) and nothing else.',
    );
  if (parameters.get('client_assertion_type') !== clientAssertionType)
    throw refuse('client_authentication_missing', `The client_assertion_type must be ${clientAssertionType}.`);
  return assertion;
}

function readTarget(parameters: ReadonlyMap<string, string>): string | undefined {
  const resource = parameters.get('resource');
  const audience = parameters.get('audience');
  if (resource !== undefined && audience !== undefined) throw ambiguousTarget();
  return resource ?? audience;
}

function ambiguousTarget() {
  return refuse('target_ambiguous', 'A token is for exactly one target: one resource or one audience.');
}

function optional<Name extends string>(name: Name, value: string | undefined): { readonly [name in Name]?: string } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [name in Name]?: string });
}
