import { type ProtocolScope, protocolScopes } from '@countersign/contracts';
import type { Ceiling } from '../grants/grant-handler.ts';
import { refuse } from '../refusal.ts';

/** The scope parameter, taken apart. */
export interface AskedScope {
  /** What is asked for of market interfaces; undefined where the request leaves it open. */
  readonly market: string | undefined;
  /** The protocol scopes that are granted with this request. */
  readonly protocol: ReadonlySet<ProtocolScope>;
}

const none: ReadonlySet<ProtocolScope> = new Set();
const known: ReadonlySet<string> = new Set(protocolScopes);

/**
 * Takes the scopes of the protocol itself (`openid`, `offline_access`) out: they are for this server, and open no
 * market interface. Grants that rest on nobody's consent have none to give, and know them as unknown scopes.
 */
export function splitScope(asked: string | undefined, ceiling: Ceiling): AskedScope {
  const held = ceiling.protocolScopes;
  if (held === undefined) return { market: asked, protocol: none };
  if (asked === undefined) return { market: undefined, protocol: held };
  const tokens = asked.split(' ');
  const protocol = new Set(tokens.filter(isProtocolScope));
  for (const scope of protocol)
    if (!held.has(scope)) throw refuse('scope_wider', `The consent does not hold ${scope}; a request only narrows it.`);
  return { market: tokens.filter((token) => !known.has(token)).join(' '), protocol };
}

function isProtocolScope(token: string): token is ProtocolScope {
  return known.has(token);
}
