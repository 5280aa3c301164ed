import { type Grant, protocolScopes } from '@countersign/contracts';
import { epochSeconds, parseInstant } from '@countersign/kernel';
import type { ApplicationDetail, AuthorizationDetail } from '@countersign/market';

/** The answer to a query (Grant Management for OAuth, draft 03, section 6.4). Times are in seconds since the epoch. */
export interface GrantDescription {
  readonly scopes: readonly { readonly scope: string; readonly resource?: readonly string[] }[];
  readonly authorization_details: readonly (AuthorizationDetail | ApplicationDetail)[];
  readonly last_updated_at: number;
  readonly expires_at: number;
}

/** Those of the API itself (section 6.1): they let a client ask, and are nothing that a person has allowed. */
const ofTheApi: readonly string[] = ['grant_management_query', 'grant_management_revoke'];

/**
 * What a person has allowed. Not who it was, nor how they signed in: the client knows whom it asked, and is told
 * nothing of them by the id of a grant (section 6).
 */
export function describeGrant({
  scopes,
  details,
  applicationDetails = [],
  resources,
  givenAt,
  expiresAt,
}: Grant): GrantDescription {
  const held = scopes.filter((scope) => !ofTheApi.includes(scope));
  const market = held.filter((scope) => !isProtocolScope(scope));
  const protocol = held.filter(isProtocolScope);
  return {
    scopes: [
      ...(market.length === 0 ? [] : [{ scope: market.join(' '), resource: resources }]),
      ...(protocol.length === 0 ? [] : [{ scope: protocol.join(' ') }]),
    ],
    authorization_details: [...details, ...applicationDetails],
    last_updated_at: secondsOf(givenAt),
    expires_at: secondsOf(expiresAt),
  };
}

function isProtocolScope(scope: string): boolean {
  return protocolScopes.some((known) => known === scope);
}

function secondsOf(instant: string): number {
  const milliseconds = parseInstant(instant);
  if (milliseconds === undefined) throw new Error('a grant has a time that is none');
  return epochSeconds(milliseconds);
}
