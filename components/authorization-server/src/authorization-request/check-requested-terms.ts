import {
  type ApplicationDetailType,
  type Client,
  type DirectorySnapshot,
  type GrantTerms,
  type ProtocolScope,
  parseResourceUri,
  type Resource,
} from '@countersign/contracts';
import { type Digest, digestOf, type Json, parseInstant } from '@countersign/kernel';
import {
  type ApplicationDetail,
  type AuthorizationDetail,
  checkSeparation,
  isScope,
  namesApplicationDetails,
  parseAuthorizationDetails,
  parseScope,
} from '@countersign/market';
import { isProtocolScope } from '../protocol-scopes.ts';
import { checkShownDetail, impliedResource, issuableDetailTypes, locatedAt } from '../token-endpoint/index.ts';
import { refuse } from './refusals.ts';

/** The rules for an authorization request. */
export interface RequestRules {
  readonly client: Client;
  readonly directory: DirectorySnapshot;
  /** Authorization detail types of applications. */
  readonly detailTypes: ReadonlyMap<string, ApplicationDetailType>;
  readonly issuer: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * Scopes of OpenID Connect Core section 5.4, which ordinary relying parties request by habit. This server ignores those that
 * the client is not registered for or that have no claims here (RFC 6749 section 3.3); the token response states what was
 * granted.
 */
const claimScopes: readonly string[] = ['profile', 'email', 'address', 'phone'];

/** Claims require a sign-in: userinfo releases them only with `openid`. */
function hearsClaims(scope: string, asked: readonly string[], client: Client): boolean {
  return client.scopes.includes(scope) && asked.includes('openid');
}

/**
 * The requested scopes: protocol scopes, and market scopes that the client is registered for and that respect separation of
 * duties.
 */
export function checkRequestedScopes(asked: readonly string[], client: Client): GrantTerms['scopes'] {
  const heard =
    client.profile === 'oidc'
      ? asked.filter((scope) => !claimScopes.includes(scope) || hearsClaims(scope, asked, client))
      : asked;
  const protocol = heard.filter(isProtocolScope).filter((scope) => mayHold(scope, client));
  const market = parseScope(heard.filter((scope) => !isProtocolScope(scope)).join(' '));
  if (!market.ok) throw refuse(market.code, market.detail);
  for (const scope of market.value) {
    if (client.profile === 'oidc' || !client.scopes.includes(scope))
      throw refuse('scope_not_allowed', `The client is not registered for ${scope}.`);
  }
  const separation = checkSeparation(market.value);
  if (!separation.ok) throw refuse(separation.code, separation.detail);
  return [...protocol, ...[...market.value].sort()];
}

/** Registered like every other scope; if it is not available, `offline_access` is ignored (OpenID Connect Core section 11). */
function mayHold(scope: ProtocolScope, client: Client): boolean {
  if (client.scopes.includes(scope) && (scope !== 'offline_access' || client.grantTypes.includes('refresh_token')))
    return true;
  if (scope === 'offline_access') return false;
  throw refuse('scope_not_allowed', `The client is not registered for ${scope}.`);
}

/**
 * The one interface that the grant is for (RFC 8707 section 2), named or implied: registered, allowed to this client, and
 * offering every requested market scope. Protocol scopes alone need none, unless intents come with them.
 */
export function checkRequestedResource(
  asked: string | undefined,
  scopes: GrantTerms['scopes'],
  { client, directory }: Pick<RequestRules, 'client' | 'directory'>,
  { withDetails }: { readonly withDetails: boolean },
): Resource | undefined {
  const market = scopes.filter((scope) => !isProtocolScope(scope));
  if (asked === undefined) {
    if (market.length === 0 && !withDetails) return undefined;
    const implied = impliedResource(market, { client, directory });
    // Details without an interface are refused together with their errors, after they have been parsed.
    if (implied === undefined && market.length > 0)
      throw refuse('target_missing', 'Name the one protected interface that this is for, in the parameter resource.');
    return implied;
  }
  const uri = parseResourceUri(asked);
  const resource = uri === undefined ? undefined : directory.resource(uri);
  if (resource === undefined)
    throw refuse('target_unknown', 'The resource must be the absolute URI of a registered interface.');
  if (!client.audiences.includes(resource.uri))
    throw refuse('target_not_allowed', `The client may not ask for tokens for ${resource.uri}.`);
  const missing = market.find((scope) => !resource.scopes.includes(scope));
  if (missing !== undefined) throw refuse('scope_not_offered', `${resource.uri} does not offer ${missing}.`);
  return resource;
}

/** At most as many as a person can review on one page. */
export const mostDetails = 8;

/**
 * The requested intents (RFC 9396): each of a known type and shape, of a type allowed to this client, not yet expired, and
 * for the named interface. Mandates are checked when a token is issued. Alternatively the application details, each with a
 * page to show it; one request cannot contain both.
 */
export function checkRequestedDetails(
  asked: readonly Json[] | undefined,
  resource: Resource | undefined,
  rules: Pick<RequestRules, 'client' | 'now' | 'detailTypes' | 'issuer'> & { readonly scopes: GrantTerms['scopes'] },
): Pick<GrantTerms, 'details' | 'applicationDetails'> {
  if (asked === undefined) return { details: [] };
  if (namesApplicationDetails(asked, mostDetails))
    return { details: [], applicationDetails: checkApplicationDetails(asked) };
  const { client, now } = rules;
  const parsed = parseAuthorizationDetails(asked, { maxItems: mostDetails });
  if (!parsed.ok)
    throw refuse(
      'details_malformed',
      `${parsed.path === '' ? 'authorization_details' : parsed.path}: ${parsed.detail}`,
      {
        path: parsed.path,
        problem: parsed.problem,
      },
    );
  for (const detail of parsed.value) checkDetail(detail);
  return { details: parsed.value };

  function checkApplicationDetails(details: readonly ApplicationDetail[]): readonly ApplicationDetail[] {
    if (!rules.scopes.some(isScope))
      throw refuse('scope_missing', 'Name the reading scopes that the authorization_details are to be used with.');
    const bounds = { ...rules, types: rules.detailTypes, resource: requireInterface() };
    for (const [index, detail] of details.entries()) checkShownDetail(detail, `/${index}`, bounds);
    const located = details.map((detail) => locatedAt(detail, bounds.resource));
    if (new Set(located.map(digestOf)).size !== located.length)
      throw refuse('details_malformed', 'An authorization detail is asked for twice.');
    return located;
  }

  function requireInterface(): Resource {
    if (resource !== undefined) return resource;
    throw refuse('target_missing', 'Name the one protected interface that this is for, in the parameter resource.');
  }

  function checkDetail(detail: AuthorizationDetail): void {
    if (client.profile === 'oidc' || !client.detailTypes.includes(detail.type))
      throw refuse('details_not_allowed', `The client is not registered for ${detail.type}.`);
    if (!issuableDetailTypes.includes(detail.type))
      throw refuse('details_unsupported', `Tokens are not issued for ${detail.type} here.`);
    const notAfter = parseInstant(detail.not_after);
    if (notAfter === undefined || notAfter <= now)
      throw refuse('details_expired', 'The not_after of an authorization detail has passed.');
    const { uri } = requireInterface();
    if (!detail.locations.includes(uri))
      throw refuse('details_location', `An authorization detail is not for ${uri}: it is not among its locations.`);
  }
}

/** Requested application details as records name them; empty if there are none. */
export function applicationDigests({ applicationDetails }: GrantTerms): {
  readonly detail_digests?: readonly Digest[];
} {
  return applicationDetails === undefined
    ? {}
    : { detail_digests: applicationDetails.map((detail) => digestOf(detail)) };
}
