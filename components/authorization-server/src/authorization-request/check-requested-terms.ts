import {
  type ApplicationDetailType,
  type Client,
  type DirectorySnapshot,
  type GrantTerms,
  type ProtocolScope,
  parseResourceUri,
  type Resource,
} from '@countersign/contracts';
import { type Digest, defined, digestOf, type Json, parseInstant } from '@countersign/kernel';
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

export interface RequestRules {
  readonly client: Client;
  readonly directory: DirectorySnapshot;
  readonly detailTypes: ReadonlyMap<string, ApplicationDetailType>;
  readonly issuer: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * OpenID Connect Core section 5.4. Relying parties request them by habit, so unregistered ones are ignored (RFC 6749 section 3.3).
 */
const claimScopes: readonly string[] = ['profile', 'email', 'address', 'phone'];

/** Userinfo releases claims only with `openid`. */
function receivesClaims(scope: string, asked: readonly string[], client: Client): boolean {
  return client.scopes.includes(scope) && asked.includes('openid');
}

/** Protocol scopes, and market scopes that the client is registered for and that respect separation of duties. */
export function checkRequestedScopes(asked: readonly string[], client: Client): GrantTerms['scopes'] {
  const requested =
    client.profile === 'oidc'
      ? asked.filter((scope) => !claimScopes.includes(scope) || receivesClaims(scope, asked, client))
      : asked;
  const protocol = requested.filter(isProtocolScope).filter((scope) => mayHold(scope, client));
  const market = parseScope(requested.filter((scope) => !isProtocolScope(scope)).join(' '));
  if (!market.ok) throw refuse(market.code, market.detail);
  for (const scope of market.value) {
    if (client.profile === 'oidc' || !client.scopes.includes(scope))
      throw refuse('scope_not_allowed', `The client is not registered for ${scope}.`);
  }
  const separation = checkSeparation(market.value);
  if (!separation.ok) throw refuse(separation.code, separation.detail);
  return [...protocol, ...[...market.value].sort()];
}

/** `offline_access` is ignored if it is not available (OpenID Connect Core section 11). */
function mayHold(scope: ProtocolScope, client: Client): boolean {
  if (client.scopes.includes(scope) && (scope !== 'offline_access' || client.grantTypes.includes('refresh_token')))
    return true;
  if (scope === 'offline_access') return false;
  throw refuse('scope_not_allowed', `The client is not registered for ${scope}.`);
}

/** The one interface of the grant (RFC 8707 section 2), named or implied. Protocol scopes alone need none. */
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
    // Details without an interface are refused after they have been parsed.
    if (implied === undefined && market.length > 0)
      throw refuse('target_missing', 'Name the protected interface in the parameter resource.');
    return implied;
  }
  const uri = parseResourceUri(asked);
  const resource = uri === undefined ? undefined : directory.resource(uri);
  if (resource === undefined)
    throw refuse('target_unknown', 'The resource must be the absolute URI of a registered interface.');
  if (!client.audiences.includes(resource.uri))
    throw refuse('target_not_allowed', `The client is not registered for tokens for ${resource.uri}.`);
  const missing = market.find((scope) => !resource.scopes.includes(scope));
  if (missing !== undefined) throw refuse('scope_not_offered', `${resource.uri} does not offer ${missing}.`);
  return resource;
}

/** As many as a person can review on one page. */
export const maxDetails = 8;

/** The requested intents (RFC 9396), or application details; one request cannot have both. Mandates are checked at issuance. */
export function checkRequestedDetails(
  asked: readonly Json[] | undefined,
  resource: Resource | undefined,
  rules: Pick<RequestRules, 'client' | 'now' | 'detailTypes' | 'issuer'> & { readonly scopes: GrantTerms['scopes'] },
): Pick<GrantTerms, 'details' | 'applicationDetails'> {
  if (asked === undefined) return { details: [] };
  if (namesApplicationDetails(asked, maxDetails))
    return { details: [], applicationDetails: checkApplicationDetails(asked) };
  const { client, now } = rules;
  const parsed = parseAuthorizationDetails(asked, { maxItems: maxDetails });
  if (!parsed.ok)
    throw refuse(
      'details_malformed',
      `${parsed.path === '' ? 'authorization_details' : parsed.path}: ${parsed.detail}`,
      { path: parsed.path, problem: parsed.problem },
    );
  for (const detail of parsed.value) checkDetail(detail);
  return { details: parsed.value };

  function checkApplicationDetails(details: readonly ApplicationDetail[]): readonly ApplicationDetail[] {
    if (!rules.scopes.some(isScope))
      throw refuse('scope_missing', 'Name the read scopes for the authorization_details.');
    const bounds = { ...rules, types: rules.detailTypes, resource: requireInterface() };
    for (const [index, detail] of details.entries()) checkShownDetail(detail, `/${index}`, bounds);
    const located = details.map((detail) => locatedAt(detail, bounds.resource));
    if (new Set(located.map(digestOf)).size !== located.length)
      throw refuse('details_malformed', 'An authorization detail is requested twice.');
    return located;
  }

  function requireInterface(): Resource {
    if (resource !== undefined) return resource;
    throw refuse('target_missing', 'Name the protected interface in the parameter resource.');
  }

  function checkDetail(detail: AuthorizationDetail): void {
    if (client.profile === 'oidc' || !client.detailTypes.includes(detail.type))
      throw refuse('details_not_allowed', `The client is not registered for ${detail.type}.`);
    if (!issuableDetailTypes.includes(detail.type))
      throw refuse('details_unsupported', `This server issues no tokens for ${detail.type}.`);
    const notAfter = parseInstant(detail.not_after);
    if (notAfter === undefined || notAfter <= now)
      throw refuse('details_expired', 'The not_after of an authorization detail has passed.');
    const { uri } = requireInterface();
    if (!detail.locations.includes(uri))
      throw refuse('details_location', `The locations of an authorization detail do not include ${uri}.`);
  }
}

/** For records; empty if there are none. */
export function applicationDigests({ applicationDetails }: GrantTerms): {
  readonly detail_digests?: readonly Digest[];
} {
  return defined({ detail_digests: applicationDetails?.map((detail) => digestOf(detail)) });
}
