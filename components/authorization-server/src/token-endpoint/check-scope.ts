import type { Client, ProtocolScope, Resource } from '@countersign/contracts';
import { checkSeparation, parseScope, type Scope } from '@countersign/market';
import type { Ceiling } from '../grants/grant-handler.ts';
import { refuse } from '../refusal.ts';

interface ScopeBounds {
  readonly ceiling: Ceiling;
  readonly client: Client;
  readonly resource: Resource;
  readonly protocolScopes?: ReadonlySet<ProtocolScope> | undefined;
}

const none: ReadonlySet<Scope> = new Set();

/**
 * The market scopes granted: within what the authority holds, what the client is registered for and what the
 * interface offers, and keeping duties apart. All that is asked for or nothing: a client that gets less than it asked
 * for finds out at the worst moment. A token for an interface of the protocol's own has none.
 */
export function checkScope(asked: string | undefined, bounds: ScopeBounds): ReadonlySet<Scope> {
  if (bounds.protocolScopes !== undefined) {
    if (asked !== undefined && asked !== '')
      throw refuse('scope_not_offered', `${bounds.resource.uri} offers no market scope.`);
    return none;
  }
  const scopes = asked === undefined ? defaultScopes(bounds) : askedScopes(asked, bounds);
  if (scopes.size === 0)
    throw refuse('scope_missing', 'Name the scopes the token is for; there is no scope to give by default.');
  const separation = checkSeparation(scopes);
  if (!separation.ok) throw refuse('scope_duties_combined', separation.detail);
  return scopes;
}

function askedScopes(asked: string, { ceiling, client, resource }: ScopeBounds): ReadonlySet<Scope> {
  const parsed = parseScope(asked);
  if (!parsed.ok) throw refuse(parsed.code, parsed.detail);
  for (const scope of parsed.value) {
    if (ceiling.scope?.has(scope) === false)
      throw refuse('scope_wider', `What the token rests on does not hold ${scope}; a request only narrows it.`);
    if (!client.scopes.includes(scope)) throw refuse('scope_not_allowed', `The client is not registered for ${scope}.`);
    if (!resource.scopes.includes(scope)) throw refuse('scope_not_offered', `${resource.uri} does not offer ${scope}.`);
  }
  return parsed.value;
}

/**
 * A request that names no scope keeps what the subject token or the consent, the client and the interface have in
 * common; machines, whose authority has no such bound, have no default (RFC 6749 section 3.3).
 */
function defaultScopes({ ceiling, client, resource }: ScopeBounds): ReadonlySet<Scope> {
  const held = ceiling.scope === undefined ? [] : [...ceiling.scope];
  return new Set(held.filter((scope) => client.scopes.includes(scope) && resource.scopes.includes(scope)));
}
