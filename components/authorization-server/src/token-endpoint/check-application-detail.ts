import type { ApplicationDetailType, Client, Resource } from '@countersign/contracts';
import { digestOf, type Json, parseJson } from '@countersign/kernel';
import {
  type ApplicationDetail,
  type AuthorizationDetail,
  isScope,
  kindOfScope,
  namesApplicationDetail,
} from '@countersign/market';
import type { Ceiling } from '../grant-handler.ts';
import { refuse } from '../refusal.ts';

export interface ApplicationDetailBounds {
  readonly client: Client;
  readonly resource: Resource;
  readonly scopes: Iterable<string>;
  /** Those that the active models of applications declare. */
  readonly types: ReadonlyMap<string, ApplicationDetailType>;
  readonly issuer: string;
}

/**
 * The detail of an application that a token is for (RFC 9396); undefined where it is for none. A client asks for itself
 * (`client_credentials`) or takes one of those that a person has been shown and allowed, as it was: a request that names none is for
 * the one that there is.
 */
export function checkApplicationDetail(
  asked: string | undefined,
  bounds: ApplicationDetailBounds & { readonly grantType: string; readonly ceiling: Ceiling },
): ApplicationDetail | undefined {
  const { grantType, ceiling, resource } = bounds;
  const named = asked === undefined ? undefined : namedDetail(asked);
  const detail = asked === undefined ? consentedDetail(ceiling, resource) : named && consentedAs(named, bounds);
  if (detail === undefined) return undefined;
  const type = typeOfDetail(detail, bounds);
  const { offeredApplicationDetails: held } = ceiling;
  if (held === undefined && grantType !== 'client_credentials')
    throw refuse(
      'details_unsupported',
      `A client asks for ${detail.type} in its own name, with client_credentials, or asks a person.`,
    );
  if (held !== undefined && !held.some((each) => digestOf(each) === digestOf(detail)))
    throw refuse(
      'details_wider',
      `The person has not allowed this detail of ${detail.type}: name one as it was allowed.`,
    );
  checkAgainst(detail, type, bounds);
  checkMembers(detail, type, '/0');
  return detail;
}

/**
 * A detail that a person is to be asked about: of a type that has a page, and otherwise as one that a client asks for itself.
 *
 * @param place JSON pointer, for the refusal
 */
export function checkShownDetail(detail: ApplicationDetail, place: string, bounds: ApplicationDetailBounds): void {
  const type = typeOfDetail(detail, bounds);
  if (type.describe === undefined)
    throw refuse(
      'details_unsupported',
      `Nobody can be asked about ${detail.type}: its model does not say how it reads.`,
    );
  checkAgainst(detail, type, bounds);
  checkMembers(detail, type, place);
}

/** The detail with the one place that it is for: it stays for that place alone, whatever its model says of the type one day. */
export function locatedAt(detail: ApplicationDetail, { uri }: Resource): ApplicationDetail {
  return { ...detail, locations: [uri] };
}

/** What of a detail its type speaks of. */
export function membersOfDetail({ type: _type, locations: _locations, ...members }: ApplicationDetail) {
  return members;
}

function consentedAs(
  named: ApplicationDetail,
  { ceiling, resource }: { readonly ceiling: Ceiling; readonly resource: Resource },
): ApplicationDetail {
  const asConsented = ceiling.offeredApplicationDetails !== undefined && named['locations'] === undefined;
  return asConsented ? locatedAt(named, resource) : named;
}

function namedDetail(asked: string): ApplicationDetail | undefined {
  const json = parseJson(asked, { maxLength: 32_768 });
  return json.ok && namesApplicationDetail(json.value) ? json.value[0] : undefined;
}

/** Of what was allowed, what is for this interface; where that is more than one, the request says which. */
function consentedDetail(
  { offeredApplicationDetails = [], offeredDetails = [] }: Ceiling,
  { uri }: Resource,
): ApplicationDetail | undefined {
  const isForIt = ({ locations }: AuthorizationDetail) => locations.includes(uri);
  const own = offeredApplicationDetails.filter(({ locations = [] }) => isOnly(locations, uri));
  if (own.length > 1 || (own.length === 1 && offeredDetails.some(isForIt)))
    throw refuse('details_ambiguous', 'Several details are granted: name the one that the token is for.');
  return own[0];
}

function typeOfDetail({ type }: ApplicationDetail, { client, types }: ApplicationDetailBounds): ApplicationDetailType {
  const known = types.get(type);
  if (known === undefined)
    throw refuse('details_unsupported', 'No application declares authorization details of this type.');
  if (client.profile === 'oidc' || !client.detailTypes.includes(type))
    throw refuse('details_not_allowed', `The client is not registered for ${type}.`);
  return known;
}

/** It is for the one interface of its type, and no intent: beside it a token only reads. */
function checkAgainst(
  { locations }: ApplicationDetail,
  { audience }: ApplicationDetailType,
  { resource, issuer, scopes }: ApplicationDetailBounds,
): void {
  // Our own interfaces take the details of the market alone, whatever a model says.
  if (resource.uri !== audience || resource.uri.startsWith(`${issuer}/`))
    throw refuse('details_location', `An authorization detail of this type is not for ${resource.uri}.`);
  if (locations !== undefined && !isOnly(locations, resource.uri))
    throw refuse('details_location', `The locations of the authorization detail must be ${resource.uri} alone.`);
  for (const scope of scopes)
    if (isScope(scope) && kindOfScope(scope) !== 'reading')
      throw refuse(
        'scope_not_of_detail',
        `${scope} does more than read: it does not go with the detail of an application.`,
      );
}

function checkMembers(detail: ApplicationDetail, type: ApplicationDetailType, place: string): void {
  const problem = type.problemWith(membersOfDetail(detail));
  if (problem !== undefined)
    throw refuse('details_malformed', `${place}${problem.path}: ${problem.detail}`, {
      path: `${place}${problem.path}`,
      problem: problem.problem,
    });
}

function isOnly(locations: Json, uri: string): boolean {
  return Array.isArray(locations) && locations.length === 1 && locations[0] === uri;
}
