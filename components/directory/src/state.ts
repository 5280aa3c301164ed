import type { DirectorySnapshot } from '@countersign/contracts';
import { digestOf, type RecordId } from '@countersign/kernel';
import type { KeyCache } from '@countersign/oauth';
import type { ChangeSet } from './changes.ts';
import { entityReaders, isEntityKind } from './entities/index.ts';
import { type Entry, entryKey, type Graph } from './entry.ts';
import type { KeyTimes } from './key-times.ts';
import { createProblems } from './problems.ts';
import { buildSnapshot } from './snapshot.ts';
import type { StoredEntity } from './store.ts';
import { type StoredContents, storedContents } from './stored-contents.ts';

export interface State {
  readonly version: number;
  readonly stored: Graph;
  readonly contents: StoredContents;
  readonly keyTimes: KeyTimes;
  readonly graph: Graph;
  readonly snapshot: DirectorySnapshot;
}

/** The seed comes first: clashes are reported at the other entity, and no stored one replaces it. */
export function onSeed(seed: Graph, stored: Graph): Graph {
  const graph = new Map(seed);
  for (const [key, entry] of stored) if (!seed.has(key)) graph.set(key, entry);
  return graph;
}

/** Entities in a fixed order, so that every node shows the same graph in the same form. */
export function inOneOrder(entries: Graph): Graph {
  return isOrdered(entries) ? entries : new Map([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A changed entity keeps its place; most changes add no entity. */
function isOrdered(entries: Graph): boolean {
  let last = '';
  for (const key of entries.keys()) {
    if (key < last) return false;
    last = key;
  }
  return true;
}

export function stateOf(parts: {
  readonly seed: Graph;
  readonly stored: Graph;
  readonly contents: StoredContents;
  readonly keyTimes: KeyTimes;
}): State {
  const { stored, contents, keyTimes } = parts;
  const { version, records } = contents;
  const graph = onSeed(parts.seed, stored);
  return { version, stored, contents, keyTimes, graph, snapshot: buildSnapshot(version, graph, records, keyTimes) };
}

export function readDocument(kind: string, id: string, document: unknown, keys: KeyCache): Entry {
  const problems = createProblems();
  const entry = isEntityKind(kind)
    ? entityReaders[kind].read(document, problems.place('stored:').at(kind, id), keys)
    : undefined;
  // We wrote it after the same checks. Skipping an unreadable entity would silently remove its authority.
  if (entry === undefined)
    throw new Error(`a stored entity cannot be read: ${kind} ${id}: ${problems.asError()?.detail ?? 'unknown kind'}`);
  return entry;
}

export function contentsOf(version: number, entities: readonly StoredEntity[]): StoredContents {
  return storedContents({
    version,
    documents: new Map(entities.map(({ kind, id, document }) => [`${kind} ${id}`, digestOf(document)])),
    records: new Map(
      entities.flatMap(({ kind, id, recordId }) =>
        kind === 'person' && recordId !== null ? [[id, recordId] as const] : [],
      ),
    ),
  });
}

/** The stored graph after a change, equal to what another node reads. */
export function after(
  base: State,
  version: number,
  changeSet: ChangeSet,
  listed: ReadonlyMap<string, RecordId>,
  keys: KeyCache,
): Pick<State, 'stored' | 'contents'> {
  const entries = new Map(base.stored);
  const documents = new Map(base.contents.documents);
  const records = new Map(base.contents.records);
  for (const entry of changeSet.removed) {
    entries.delete(entryKey(entry));
    documents.delete(entryKey(entry));
  }
  // People without credentials are not listed.
  for (const entry of [...changeSet.removed, ...changeSet.written]) records.delete(entry.id);
  for (const entry of changeSet.written) {
    entries.set(entryKey(entry), readDocument(entry.entity.kind, entry.id, entry.document, keys));
    documents.set(entryKey(entry), digestOf(entry.document));
  }
  for (const [id, record] of listed) records.set(id, record);
  return { stored: inOneOrder(entries), contents: storedContents({ version, documents, records }) };
}
