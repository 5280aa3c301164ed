import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Actor,
  type AuditAppender,
  type Directory,
  type DirectorySnapshot,
  directoryErrors,
} from '@countersign/contracts';
import { type Clock, type CodedError, digestOf, newId, type Random, type RecordId } from '@countersign/kernel';
import { createKeyCache } from '@countersign/oauth';
import { type ComponentAccess, type Logger, transaction } from '@countersign/runtime';
import type pg from 'pg';
import { type ChangeSet, compare } from './changes.ts';
import { entityReaders, isEntityKind } from './entities/index.ts';
import { type Entry, type Graph, type JsonDocument, keyOf } from './entry.ts';
import { keepFresh } from './keep-fresh.ts';
import { createProblems, type Problems } from './problems.ts';
import { type DirectoryFile, readFile } from './read-file.ts';
import { appliedRecords, refusedRecord } from './records.ts';
import { checkGraph } from './rules/index.ts';
import { buildSnapshot } from './snapshot.ts';
import {
  changeChannel,
  loadDirectory,
  lockDirectory,
  readVersion,
  type StoredDirectory,
  writeChange,
} from './store.ts';

export interface DirectoryDependencies {
  readonly pool: pg.Pool;
  /** For the connection that listens for changes made by other nodes. */
  readonly access: ComponentAccess;
  readonly clock: Clock;
  readonly random: Random;
  readonly audit: AuditAppender;
  readonly logger: Logger;
  /**
   * A directory file that is always there, beneath what is stored: the operator, our own resources, the
   * operator's client. It is not stored, and no file changes or removes what is in it.
   */
  readonly seed?: unknown;
  /** How often to look for changes that nobody announced. 2 s by default. */
  readonly pollMs?: number;
  /** How long `snapshotAtLeast` waits. 3 s by default. */
  readonly waitMs?: number;
}

export interface DirectoryComponent extends Directory {
  /** One entity as a file would write it, without the names by which identity providers know a person. */
  document(kind: string, id: string): JsonDocument | undefined;
  stop(): Promise<void>;
}

/** What one version of the directory is, in memory. */
interface State {
  readonly version: number;
  readonly stored: Graph;
  readonly records: ReadonlyMap<string, RecordId>;
  readonly graph: Graph;
  readonly snapshot: DirectorySnapshot;
}

/**
 * Opens the directory: reads the seed and what is stored, and follows the changes of other nodes.
 *
 * @throws CodedError of {@link directoryErrors} for a seed that is not acceptable, `database_unavailable`
 */
export async function createDirectory(dependencies: DirectoryDependencies): Promise<DirectoryComponent> {
  const { pool, audit, logger } = dependencies;
  const keys = createKeyCache({ maxKeys: 65_536 });
  const seed = readSeed(dependencies.seed ?? {});
  const newRecordId = (): RecordId => newId('record', dependencies);

  function readSeed(input: unknown): Graph {
    const problems = createProblems();
    const file = readFile(input, problems.place('seed:'), keys);
    const graph = graphOf(file.entries);
    checkGraph(graph, problems);
    stopAt(problems);
    return graph;
  }

  /** The seed comes first, so that a clash is reported elsewhere, and last, so that nothing stored stands in its place. */
  function onSeed(stored: Graph): Graph {
    return new Map([...seed, ...stored, ...seed]);
  }

  /** Entities in one order, whoever made this state, so that each node shows the same graph in the same form. */
  function stateOf(version: number, entries: readonly Entry[], records: ReadonlyMap<string, RecordId>): State {
    const stored = graphOf(entries.toSorted((a, b) => (entryKey(a) < entryKey(b) ? -1 : 1)));
    const graph = onSeed(stored);
    return { version, stored, records, graph, snapshot: buildSnapshot(version, graph, records) };
  }

  function readDocument(kind: string, id: string, document: unknown): Entry {
    const problems = createProblems();
    const entry = isEntityKind(kind)
      ? entityReaders[kind].read(document, problems.place('stored:').at(kind, id), keys)
      : undefined;
    // Written by us after the same checks: not reading it would silently take away what it stands for.
    if (entry === undefined)
      throw new Error(`a stored entity cannot be read: ${kind} ${id}: ${problems.asError()?.detail ?? 'unknown kind'}`);
    return entry;
  }

  function readStored({ version, entities }: StoredDirectory): State {
    const entries = entities.map(({ kind, id, document }) => readDocument(kind, id, document));
    const records = new Map(
      entities.flatMap(({ id, recordId }) => (recordId === null ? [] : [[id, recordId] as const])),
    );
    return stateOf(version, entries, records);
  }

  /** `base` after the change: what another node reads back from storage. */
  function stateAfter(
    base: State,
    version: number,
    changeSet: ChangeSet,
    listed: ReadonlyMap<string, RecordId>,
  ): State {
    const entries = new Map(base.stored);
    const records = new Map(base.records);
    for (const entry of [...changeSet.removed, ...changeSet.written]) {
      entries.delete(entryKey(entry));
      // Who has no credentials any more is listed nowhere.
      records.delete(entry.id);
    }
    for (const entry of changeSet.written)
      entries.set(entryKey(entry), readDocument(entry.entity.kind, entry.id, entry.document));
    for (const [id, record] of listed) records.set(id, record);
    return stateOf(version, [...entries.values()], records);
  }

  let state = readStored(await loadDirectory(pool));

  /** Never goes back: a slow load may end after a change made here. */
  function advance(next: State): void {
    if (next.version > state.version) state = next;
  }

  async function refresh(): Promise<void> {
    if ((await readVersion(pool)) > state.version) advance(readStored(await loadDirectory(pool)));
  }

  const freshness = await keepFresh({
    access: dependencies.access,
    channel: changeChannel,
    pollMs: dependencies.pollMs ?? 2_000,
    logger,
    refresh,
  });

  /** What a file would do to `base`; everything wrong with file and outcome is in `problems`. */
  function evaluate(file: DirectoryFile, base: State, prune: boolean, problems: Problems): ChangeSet {
    const changeSet = compare({ file, seed, stored: base.stored, prune, problems });
    checkGraph(onSeed(changeSet.stored), problems);
    return changeSet;
  }

  return {
    snapshot: () => state.snapshot,

    async snapshotAtLeast(version) {
      const deadline = performance.now() + (dependencies.waitMs ?? 3_000);
      for (;;) {
        if (state.version >= version) return state.snapshot;
        await refresh();
        if (state.version >= version) return state.snapshot;
        if (performance.now() >= deadline)
          throw directoryErrors.error(
            'directory_behind',
            `The directory is at version ${state.version} here; version ${version} was asked for.`,
          );
        await sleep(50);
      }
    },

    async plan(input, options = {}) {
      const problems = createProblems();
      const file = readFile(input, problems.place(''), keys);
      stopAt(problems);
      await refresh();
      const { changes } = evaluate(file, state, options.prune ?? false, problems);
      stopAt(problems);
      return changes;
    },

    async apply(input, by, options = {}) {
      const problems = createProblems();
      const file = readFile(input, problems.place(''), keys);
      await recordRefusal(problems, input, by);
      const fileDigest = digestOf(input);
      const next = await transaction(pool, async (client) => {
        const version = await lockDirectory(client);
        const base = version === state.version ? state : readStored(await loadDirectory(client));
        const changeSet = evaluate(file, base, options.prune ?? false, problems);
        await recordRefusal(problems, input, by);
        if (changeSet.changes.length === 0) return { state: base, changes: changeSet.changes };
        if (options.expectedVersion !== undefined && options.expectedVersion !== version)
          throw directoryErrors.error(
            'directory_changed_meanwhile',
            `The directory is at version ${version}; plan the change again.`,
          );
        const { drafts, recordOf } = appliedRecords({
          version: version + 1,
          changes: changeSet.changes,
          touched: [...changeSet.written, ...changeSet.removed],
          after: changeSet.stored,
          fileDigest,
          by,
          newRecordId,
        });
        for (const draft of drafts) await audit.append(draft);
        await writeChange(client, {
          version: version + 1,
          written: changeSet.written,
          removed: changeSet.removed,
          recordOf,
        });
        return { state: stateAfter(base, version + 1, changeSet, recordOf), changes: changeSet.changes };
      });
      advance(next.state);
      return { version: next.state.version, changes: next.changes };
    },

    document(kind, id) {
      const entry = isEntityKind(kind) ? state.graph.get(keyOf(kind, id)) : undefined;
      if (entry === undefined) return undefined;
      const { federated: _, ...shown } = entry.document;
      return shown;
    },

    stop: () => freshness.stop(),
  };

  /** A malformed file is only malformed. One that asks for what may not be is worth remembering, with who sent it. */
  async function recordRefusal(problems: Problems, input: unknown, by: Actor): Promise<void> {
    const error = problems.asError();
    if (error === undefined) return;
    if (error.category === 'forbidden' || error.category === 'conflict') {
      const problemCount = problems.count();
      await audit.append(
        refusedRecord({ code: error.code, problemCount, fileDigest: digestOf(input), by, id: newRecordId() }),
      );
    }
    throw error;
  }
}

function stopAt(problems: Problems): void {
  const error: CodedError | undefined = problems.asError();
  if (error !== undefined) throw error;
}

function entryKey({ id, entity }: Entry): string {
  return keyOf(entity.kind, id);
}

function graphOf(entries: readonly Entry[]): Graph {
  return new Map(entries.map((entry) => [entryKey(entry), entry]));
}
