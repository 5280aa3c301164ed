import { type Client, type GrantTerms, type ProtocolScope, protocolScopes } from '@countersign/contracts';
import { checkSeparation, parseScope } from '@countersign/market';
import { refuse } from './refusals.ts';

/**
 * OpenID Connect Core section 5.4: what ordinary relying parties ask for by habit. Those that a client is not registered for, and
 * those for which there are no claims here, are passed over (RFC 6749 section 3.3), and the token response says what was
 * granted.
 */
const claimScopes: readonly string[] = ['profile', 'email', 'address', 'phone'];

/** Claims go with a sign-in: userinfo tells them to who has `openid`. */
function hearsClaims(scope: string, asked: readonly string[], client: Client): boolean {
  return client.scopes.includes(scope) && asked.includes('openid');
}

/**
 * The scopes that are asked for: those of the protocol, and those of market interfaces which the client is registered
 * for and which keep duties apart.
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

function isProtocolScope(scope: string): scope is ProtocolScope {
  return protocolScopes.some((known) => known === scope);
}

/** Registered like every other scope; where it cannot be had, going on offline is not asked for (OpenID Connect Core section 11). */
function mayHold(scope: ProtocolScope, client: Client): boolean {
  if (client.scopes.includes(scope) && (scope !== 'offline_access' || client.grantTypes.includes('refresh_token')))
    return true;
  if (scope === 'offline_access') return false;
  throw refuse('scope_not_allowed', `The client is not registered for ${scope}.`);
}
