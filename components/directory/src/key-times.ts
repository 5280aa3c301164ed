import type { Graph } from './entry.ts';
import { loadKeyTimes, type Session, type StoredKeyTime, writeKeyTimes } from './store.ts';

export type KeyTimes = ReadonlyMap<string, number>;

export function nameOfKey(client: string, thumbprint: string): string {
  return `${client} ${thumbprint}`;
}

export async function readKeyTimes(session: Session, graph: Graph, nowMs: number): Promise<KeyTimes> {
  return withKeysOf(graph, timesOf(await loadKeyTimes(session)), session, nowMs);
}

export async function withKeysOf(graph: Graph, known: KeyTimes, session: Session, nowMs: number): Promise<KeyTimes> {
  const missing = [...graph.values()]
    .flatMap(({ entity }) =>
      entity.kind === 'client' ? entity.keys.map(({ thumbprint }) => ({ client: entity.value.id, thumbprint })) : [],
    )
    .filter(({ client, thumbprint }) => !known.has(nameOfKey(client, thumbprint)));
  if (missing.length === 0) return known;
  // In a fixed order, so that two nodes that start together do not deadlock.
  missing.sort((a, b) => (nameOfKey(a.client, a.thumbprint) < nameOfKey(b.client, b.thumbprint) ? -1 : 1));
  return new Map([...known, ...timesOf(await writeKeyTimes(session, missing, nowMs))]);
}

function timesOf(rows: readonly StoredKeyTime[]): KeyTimes {
  return new Map(
    rows.map(({ client, thumbprint, registeredAt }) => [nameOfKey(client, thumbprint), registeredAt.getTime()]),
  );
}
