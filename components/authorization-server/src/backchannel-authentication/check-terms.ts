import { type GrantTerms, protocolScopes } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';
import { type AuthorizationDetail, scopeActionOf } from '@countersign/market';
import { checkRequestedDetails } from '../authorization-endpoint/check-requested-details.ts';
import { checkRequestedResource } from '../authorization-endpoint/check-requested-resource.ts';
import { checkRequestedScopes } from '../authorization-endpoint/check-requested-scopes.ts';
import type { RequestRules } from '../authorization-endpoint/request-rules.ts';
import { refuse } from './refusals.ts';

/** What is asked for, as the client wrote it. */
export interface AskedTerms {
  readonly scope: readonly string[];
  /** RFC 8707. */
  readonly resource?: string;
  /** RFC 9396: nobody has looked at its elements. */
  readonly details?: readonly Json[];
}

/**
 * Everything that would be granted, by the rules of pushed requests: when it is asked, when it is shown and when it is
 * decided, so that what has changed in the directory in between counts. Intents that come without a scope for them
 * are asked for with the scope of what they do, and no other.
 *
 * @throws CodedError of `oauthErrors`
 */
export function checkTerms(asked: AskedTerms, rules: RequestRules): GrantTerms {
  const named = checkRequestedScopes(asked.scope, rules.client);
  const withDetails = asked.details !== undefined;
  const target = checkRequestedResource(asked.resource, named, rules, { withDetails });
  const found = checkRequestedDetails(asked.details, target, { ...rules, scopes: named });
  const scopes = named.some(isMarketScope)
    ? named
    : checkRequestedScopes([...named, ...scopesOf(found.details)], rules.client);
  if (scopes.length === 0)
    throw refuse('scope_missing', 'Ask for scopes or for authorization_details; there is nothing to give by default.');
  const resource = checkRequestedResource(asked.resource, scopes, rules, { withDetails });
  return { scopes, ...found, resources: resource === undefined ? [] : [resource.uri] };
}

function scopesOf(details: readonly AuthorizationDetail[]): readonly string[] {
  return [...new Set(details.map((detail) => scopeActionOf(detail)).filter((scope) => scope !== undefined))];
}

function isMarketScope(scope: string): boolean {
  return !protocolScopes.some((known) => known === scope);
}
