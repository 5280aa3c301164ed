import type { Entry, Graph } from '../entry.ts';
import type { Problems } from '../problems.ts';

/** A key is written down once: whoever is recognised by it is one principal, with one use for it. */
export function checkSharedCredentials(graph: Graph, problems: Problems): void {
  const seen = new Set<string>();
  for (const entry of graph.values()) {
    for (const { thumbprint, steps } of keysOf(entry)) {
      if (seen.has(thumbprint))
        problems
          .place(entry.path)
          .at(...steps)
          .report(
            'credential_shared',
            'This key is registered elsewhere too: a key belongs to one principal and has one use.',
          );
      seen.add(thumbprint);
    }
  }
}

function keysOf({
  entity,
}: Entry): readonly { readonly thumbprint: string; readonly steps: readonly (string | number)[] }[] {
  if (entity.kind === 'person')
    return entity.value.credentials.map(({ kid }, index) => ({ thumbprint: kid, steps: ['credentials', index] }));
  if (entity.kind === 'client')
    return entity.thumbprints.map((thumbprint, index) => ({ thumbprint, steps: ['jwks', 'keys', index] }));
  return [];
}
