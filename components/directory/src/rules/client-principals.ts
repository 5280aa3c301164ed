import { kindOfPrincipal } from '@countersign/contracts';
import { type Graph, keyOf } from '../entry.ts';
import type { Problems } from '../problems.ts';

/**
 * A client is the software of exactly one service or agent of its own institution, and that of no other: two
 * clients for one principal would be two holders of one identity.
 */
export function checkClientPrincipals(graph: Graph, problems: Problems): void {
  const held = new Set<string>();
  for (const { entity, path } of graph.values()) {
    if (entity.kind !== 'client') continue;
    const { principal, institution } = entity.value;
    const place = problems.place(path).at('principal');
    const kind = kindOfPrincipal(principal);
    if (kind !== 'service' && kind !== 'agent') {
      place.report(
        'client_principal_unsuitable',
        'A client is the software of a service or an agent, not of a person or a device.',
      );
      continue;
    }
    const owner = graph.get(keyOf(kind, principal))?.owner;
    if (owner !== undefined && owner !== institution)
      place.report('client_principal_unsuitable', 'A client and its principal belong to one institution.');
    if (held.has(principal))
      place.report('principal_shared', 'This principal has a client already: a principal has one holder.');
    held.add(principal);
  }
}
