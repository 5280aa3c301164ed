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
  /** Of the active application models. */
  readonly types: ReadonlyMap<string, ApplicationDetailType>;
  readonly issuer: string;
}

/**
 * RFC 9396: requested by the client itself (`client_credentials`) or consented to by a person, unchanged. Without a request, the
 * only consented one.
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
    throw refuse('details_unsupported', `${detail.type} needs client_credentials or the consent of a person.`);
  if (held !== undefined && !held.some((each) => digestOf(each) === digestOf(detail)))
    throw refuse(
      'details_wider',
      `The person has not consented to this detail of ${detail.type}. Repeat it unchanged.`,
    );
  checkAgainst(detail, type, bounds);
  checkMembers(detail, type, '/0');
  return detail;
}

/** For a detail that a person will be shown. @param place JSON pointer, for the refusal */
export function checkShownDetail(detail: ApplicationDetail, place: string, bounds: ApplicationDetailBounds): void {
  const type = typeOfDetail(detail, bounds);
  if (type.describe === undefined)
    throw refuse('details_unsupported', `${detail.type} has no description rule, so it cannot be shown to a person.`);
  checkAgainst(detail, type, bounds);
  checkMembers(detail, type, place);
}

/** A later change of the model cannot extend it to other locations. */
export function locatedAt(detail: ApplicationDetail, { uri }: Resource): ApplicationDetail {
  return { ...detail, locations: [uri] };
}

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

/** For this interface. */
function consentedDetail(
  { offeredApplicationDetails = [], offeredDetails = [] }: Ceiling,
  { uri }: Resource,
): ApplicationDetail | undefined {
  const isForIt = ({ locations }: AuthorizationDetail) => locations.includes(uri);
  const own = offeredApplicationDetails.filter(({ locations = [] }) => isOnly(locations, uri));
  if (own.length > 1 || (own.length === 1 && offeredDetails.some(isForIt)))
    throw refuse('details_ambiguous', 'Several details are granted. Name the one that the token is for.');
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

/** Only for the interface of its type, and beside it only read scopes. */
function checkAgainst(
  { locations }: ApplicationDetail,
  { audience }: ApplicationDetailType,
  { resource, issuer, scopes }: ApplicationDetailBounds,
): void {
  // Our own interfaces accept only market details.
  if (resource.uri !== audience || resource.uri.startsWith(`${issuer}/`))
    throw refuse('details_location', `An authorization detail of this type is not for ${resource.uri}.`);
  if (locations !== undefined && !isOnly(locations, resource.uri))
    throw refuse('details_location', `The locations of the authorization detail must be only ${resource.uri}.`);
  for (const scope of scopes)
    if (isScope(scope) && kindOfScope(scope) !== 'reading')
      throw refuse(
        'scope_not_of_detail',
        `${scope} is not a read scope, so it cannot be used with an application detail.`,
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
