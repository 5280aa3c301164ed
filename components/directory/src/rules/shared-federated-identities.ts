import type { Graph } from '../entry.ts';
import type { Problems } from '../problems.ts';

/** One subject of one issuer is one person. */
export function checkSharedFederatedIdentities(graph: Graph, problems: Problems): void {
  const seen = new Map<string, Set<string>>();
  for (const { entity, path } of graph.values()) {
    if (entity.kind !== 'person') continue;
    for (const [index, { issuer, subject }] of entity.federated.entries()) {
      const subjects = seen.get(issuer) ?? new Set<string>();
      if (subjects.has(subject))
        problems
          .place(path)
          .at('federated', index)
          .report('federated_identity_shared', 'This issuer and subject stand for another person already.');
      seen.set(issuer, subjects.add(subject));
    }
  }
}
