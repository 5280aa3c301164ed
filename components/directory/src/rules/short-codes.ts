import { type EntityKind, type Graph, keyOf } from '../entry.ts';
import type { Problems } from '../problems.ts';

const holders: readonly EntityKind[] = ['person', 'service', 'agent'];

/**
 * A venue traces an order to its maker by a number (RTS 24): one number for two holders would be two makers. That a
 * holder has one number there, its id says.
 */
export function checkShortCodes(graph: Graph, problems: Problems): void {
  const taken = new Set<string>();
  for (const { entity, owner, path } of graph.values()) {
    if (entity.kind !== 'short-code') continue;
    const { venue, code, holder } = entity.value;
    const place = problems.place(path);
    const name = `${venue} ${code}`;
    if (taken.has(name))
      place.at('code').report('short_code_shared', 'This code stands for another holder at this venue already.');
    taken.add(name);
    const held = holders.map((kind) => graph.get(keyOf(kind, holder))).find((entry) => entry !== undefined);
    if (held !== undefined && held.owner !== owner)
      place.at('holder').report('directory_file_invalid', 'A short code and its holder belong to one institution.');
  }
}
