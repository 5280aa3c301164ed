import { type Graph, keyOf } from '../entry.ts';
import type { Problems } from '../problems.ts';

/** A LEI stands for one institution or one branch. */
export function checkBranches(graph: Graph, problems: Problems): void {
  const seen = new Set<string>();
  for (const { entity, path } of graph.values()) {
    if (entity.kind !== 'branch' || entity.value.lei === undefined) continue;
    const { lei } = entity.value;
    if (seen.has(lei) || graph.has(keyOf('institution', lei)))
      problems.place(path).at('lei').report('id_duplicate', 'This LEI stands for another branch or institution.');
    seen.add(lei);
  }
}
