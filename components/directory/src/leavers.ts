import type { KeyCache } from '@countersign/oauth';
import type { Wanted } from './changes.ts';
import { type Entry, entryKey, type Graph, type JsonDocument, keyOf } from './entry.ts';
import { readDocument } from './state.ts';

/**
 * With its clients and short codes. A person named in the certificate of a remaining algorithm is kept as a bare name.
 */
export function withoutPrincipals(entries: readonly Entry[], removed: ReadonlySet<string>, keys: KeyCache): Wanted {
  const gone = new Set(
    [...removed].filter((key) => !/^(?:client|desk) /.test(key)).map((key) => key.slice(key.indexOf(' ') + 1)),
  );
  const written = new Map(entries.map((entry) => [entryKey(entry), entry]));

  function namedByAlgorithms(stored: Graph): ReadonlySet<string> {
    const named = new Set<string>();
    if (gone.size === 0) return named;
    for (const { id, entity } of stored.values()) {
      if (entity.kind !== 'agent' || gone.has(id)) continue;
      for (const person of [entity.value.model.certifiedBy, entity.value.model.developedBy])
        if (gone.has(person)) named.add(person);
    }
    return named;
  }

  return {
    entries,
    removes: (entry) => removed.has(entryKey(entry)) || belongsTo(entry, gone),
    follows(stored) {
      if (gone.size === 0) return [];
      const stay = namedByAlgorithms(stored);
      const follow: Entry[] = [];
      for (const entry of stored.values()) {
        const { entity, document, id } = entry;
        if (entity.kind === 'person' && stay.has(id) && removed.has(keyOf('person', id)))
          follow.push(rewritten(entry, bare(document), keys));
        if (entity.kind === 'device' && entity.value.holder !== undefined && gone.has(entity.value.holder))
          follow.push(rewritten(entry, without(document, 'holder'), keys));
      }
      return follow.filter((entry) => !written.has(entryKey(entry)));
    },
  };
}

function belongsTo({ entity }: Entry, gone: ReadonlySet<string>): boolean {
  if (entity.kind === 'client') return gone.has(entity.value.principal);
  return entity.kind === 'short-code' && gone.has(entity.value.holder);
}

function bare({ id, institution }: JsonDocument): JsonDocument {
  return { id: id ?? '', institution: institution ?? '', roles: [], federated: [], credentials: [], active: false };
}

function without(document: JsonDocument, member: string): JsonDocument {
  return Object.fromEntries(Object.entries(document).filter(([name]) => name !== member));
}

function rewritten({ entity, id }: Entry, document: JsonDocument, keys: KeyCache): Entry {
  return readDocument(entity.kind, id, document, keys);
}
