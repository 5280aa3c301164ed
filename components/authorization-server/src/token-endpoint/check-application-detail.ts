import type { ApplicationDetailType, Client, Resource } from '@countersign/contracts';
import { type Json, parseJson } from '@countersign/kernel';
import { type ApplicationDetail, kindOfScope, namesApplicationDetail, type Scope } from '@countersign/market';
import { refuse } from '../refusal.ts';

interface ApplicationDetailBounds {
  readonly grantType: string;
  readonly client: Client;
  readonly resource: Resource;
  readonly scopes: ReadonlySet<Scope>;
  /** Those that the active models of applications declare. */
  readonly types: ReadonlyMap<string, ApplicationDetailType>;
  readonly issuer: string;
}

/**
 * The detail of an application that a request names in `authorization_details` (RFC 9396); undefined where it names none. It is
 * for the one interface of its type, fits the schema of its type, and is no intent: beside it a token only reads. A client asks
 * for itself: nobody is shown such a detail yet, so nobody can have consented to one.
 */
export function checkApplicationDetail(
  asked: string | undefined,
  { grantType, client, resource, scopes, types, issuer }: ApplicationDetailBounds,
): ApplicationDetail | undefined {
  const json = asked === undefined ? undefined : parseJson(asked, { maxLength: 32_768 });
  if (json?.ok !== true || !namesApplicationDetail(json.value)) return undefined;
  const [detail] = json.value;
  const { type, locations, ...members } = detail;
  const known = types.get(type);
  if (known === undefined)
    throw refuse('details_unsupported', 'No application declares authorization details of this type.');
  if (grantType !== 'client_credentials')
    throw refuse('details_unsupported', `A client asks for ${type} in its own name, with client_credentials.`);
  if (client.profile === 'oidc' || !client.detailTypes.includes(type))
    throw refuse('details_not_allowed', `The client is not registered for ${type}.`);
  // Our own interfaces take the details of the market alone, whatever a model says.
  if (resource.uri !== known.audience || resource.uri.startsWith(`${issuer}/`))
    throw refuse('details_location', `An authorization detail of this type is not for ${resource.uri}.`);
  if (locations !== undefined && !isOnly(locations, resource.uri))
    throw refuse('details_location', `The locations of the authorization detail must be ${resource.uri} alone.`);
  for (const scope of scopes)
    if (kindOfScope(scope) !== 'reading')
      throw refuse(
        'scope_not_of_detail',
        `${scope} does more than read: it does not go with the detail of an application.`,
      );
  const problem = known.problemWith(members);
  if (problem !== undefined)
    throw refuse('details_malformed', `/0${problem.path}: ${problem.detail}`, {
      path: `/0${problem.path}`,
      problem: problem.problem,
    });
  return detail;
}

function isOnly(locations: Json, uri: string): boolean {
  return Array.isArray(locations) && locations.length === 1 && locations[0] === uri;
}
