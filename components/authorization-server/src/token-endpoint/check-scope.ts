import type { Client, ProtocolScope, Resource } from '@countersign/contracts';
import { checkSeparation, parseScope, type Scope } from '@countersign/market';
import type { Ceiling } from '../grant-handler.ts';
import { isProtocolScope } from '../protocol-scopes.ts';
import { refuse } from '../refusal.ts';

export interface AskedScope {
  /** Undefined if the request does not name any. */
  readonly market: string | undefined;
  readonly protocol: ReadonlySet<ProtocolScope>;
}

const noProtocolScopes: ReadonlySet<ProtocolScope> = new Set();

/** Protocol scopes are for this server only. Grants without a consent treat them as unknown. */
export function splitScope(asked: string | undefined, ceiling: Ceiling): AskedScope {
  const held = ceiling.protocolScopes;
  if (held === undefined) return { market: asked, protocol: noProtocolScopes };
  if (asked === undefined) return { market: undefined, protocol: held };
  const tokens = asked.split(' ');
  const protocol = new Set(tokens.filter(isProtocolScope));
  for (const scope of protocol)
    if (!held.has(scope)) throw refuse('scope_wider', `The consent does not include ${scope}.`);
  return { market: tokens.filter((token) => !isProtocolScope(token)).join(' '), protocol };
}

interface ScopeBounds {
  readonly ceiling: Ceiling;
  readonly client: Client;
  readonly resource: Resource;
  readonly protocolScopes?: ReadonlySet<ProtocolScope> | undefined;
}

const none: ReadonlySet<Scope> = new Set();

/** Within authority, registration, interface and separation of duties: all requested scopes or none. */
export function checkScope(asked: string | undefined, bounds: ScopeBounds): ReadonlySet<Scope> {
  if (bounds.protocolScopes !== undefined) {
    if (asked !== undefined && asked !== '')
      throw refuse('scope_not_offered', `${bounds.resource.uri} does not offer market scopes.`);
    return none;
  }
  const scopes = asked === undefined ? defaultScopes(bounds) : askedScopes(asked, bounds);
  if (scopes.size === 0) throw refuse('scope_missing', 'Name the scopes of the token. There is no default.');
  const separation = checkSeparation(scopes);
  if (!separation.ok) throw refuse('scope_duties_combined', separation.detail);
  return scopes;
}

function askedScopes(asked: string, { ceiling, client, resource }: ScopeBounds): ReadonlySet<Scope> {
  const parsed = parseScope(asked);
  if (!parsed.ok) throw refuse(parsed.code, parsed.detail);
  for (const scope of parsed.value) {
    if (ceiling.scope?.has(scope) === false)
      throw refuse('scope_wider', `The authority for the token does not include ${scope}.`);
    if (!client.scopes.includes(scope)) throw refuse('scope_not_allowed', `The client is not registered for ${scope}.`);
    if (!resource.scopes.includes(scope)) throw refuse('scope_not_offered', `${resource.uri} does not offer ${scope}.`);
  }
  return parsed.value;
}

/** Machines have no bound on their authority and therefore no default (RFC 6749 section 3.3). */
function defaultScopes({ ceiling, client, resource }: ScopeBounds): ReadonlySet<Scope> {
  const held = ceiling.scope === undefined ? [] : [...ceiling.scope];
  return new Set(held.filter((scope) => client.scopes.includes(scope) && resource.scopes.includes(scope)));
}
