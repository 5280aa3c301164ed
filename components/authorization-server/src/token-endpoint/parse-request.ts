import type { GrantHandler, GrantRequest } from '../grants/grant-handler.ts';
import { refuse } from '../refusal.ts';

/** What is asked for; nothing in it is believed yet. */
export interface ParsedTokenRequest {
  readonly grantType: GrantHandler['grantType'];
  readonly grant: GrantRequest;
  /** The one target, by `resource` (RFC 8707) or `audience` (RFC 8693). */
  readonly target: string | undefined;
  readonly scope: string | undefined;
  readonly authorizationDetails: string | undefined;
}

/** RFC 6749 section 4 and its kin. @throws CodedError of `oauthErrors` */
export function parseTokenRequest(
  parameters: ReadonlyMap<string, string>,
  grants: ReadonlyMap<string, GrantHandler>,
): ParsedTokenRequest {
  const grantType = parameters.get('grant_type');
  if (grantType === undefined) throw refuse('parameter_missing', 'The parameter grant_type is missing.');
  const handler = grants.get(grantType);
  if (handler === undefined)
    throw refuse('grant_type_unsupported', `The grant_type must be one of ${[...grants.keys()].join(', ')}.`);
  return {
    grantType: handler.grantType,
    grant: handler.parse(parameters),
    target: readTarget(parameters),
    scope: parameters.get('scope'),
    authorizationDetails: parameters.get('authorization_details'),
  };
}

function readTarget(parameters: ReadonlyMap<string, string>): string | undefined {
  const resource = parameters.get('resource');
  const audience = parameters.get('audience');
  if (resource !== undefined && audience !== undefined)
    throw refuse('target_ambiguous', 'A token is for exactly one target: one resource or one audience.');
  return resource ?? audience;
}
