import { type Graph, keyOf } from '../entry.ts';
import type { Problems } from '../problems.ts';

/** A device is held by a person of the institution that manages it; that there is such a person, another rule says. */
export function checkDeviceHolders(graph: Graph, problems: Problems): void {
  for (const { entity, owner, path } of graph.values()) {
    if (entity.kind !== 'device' || entity.value.holder === undefined) continue;
    const holder = graph.get(keyOf('person', entity.value.holder));
    if (holder !== undefined && holder.owner !== owner)
      problems
        .place(path)
        .at('holder')
        .report('directory_file_invalid', 'A device is held by a person of its own institution.');
  }
}
