import type { Actor, ApplyProgress, AuditAppender } from '@countersign/contracts';
import type { Clock, DepartureId, Digest, RecordId } from '@countersign/kernel';
import { createKeyCache } from '@countersign/oauth';
import { transaction } from '@countersign/runtime';
import type pg from 'pg';
import { type ChangeSet, compare, type Wanted } from './changes.ts';
import { departuresIn } from './departures/departing.ts';
import type { Departures } from './departures/departures.ts';
import { type EntityKind, entryKey, type Graph, graphOf, keyOf } from './entry.ts';
import { readKeyTimes, withKeysOf } from './key-times.ts';
import { createProblems, type Problems } from './problems.ts';
import { type Proposal, readProposal, readProposalInSlices } from './proposal.ts';
import { readFile } from './read-file.ts';
import { type Approval, appliedRecords } from './records.ts';
import { retireIds } from './retired-ids-store.ts';
import { checkGraph } from './rules/index.ts';
import { checkPostdatedScreenings } from './rules/postdated-screenings.ts';
import { checkResourceActors } from './rules/resource-actors.ts';
import { checkReusedIds, retiredBy } from './rules/reused-ids.ts';
import { after, inOneOrder, onSeed, readDocument, recordsOf, type State, stateOf } from './state.ts';
import {
  askOneSnapshot,
  loadChanges,
  loadCredentialRecords,
  loadDirectory,
  loadEntityIds,
  lockDirectory,
  readVersion,
  type Session,
  writeChange,
} from './store.ts';

/** The graph as this node has it, and the one way in which it changes. */
export interface LiveGraph {
  state(): State;
  /** Is it part of the installation itself? */
  isSeeded(kind: EntityKind, id: string): boolean;
  /** Looks for what other nodes have changed. */
  refresh(): Promise<void>;
  /** Reads what is asked for; whatever is wrong is in `problems`. */
  read(proposal: Proposal, problems: Problems): Wanted;
  /** The same for what may be large: others have their turn in between. */
  readInSlices(proposal: Proposal, problems: Problems, onProgress?: ApplyProgress): Promise<Wanted>;
  /**
   * What that would do to `base`; everything wrong with the outcome is in `problems`.
   *
   * @param session the transaction that holds the lock, where the change is to be made
   */
  evaluate(wanted: Wanted, base: State, problems: Problems, session?: Session): Promise<ChangeSet>;
  /** Puts the transaction behind all other changes, on every node. @returns the newest state */
  lock(session: pg.PoolClient): Promise<State>;
  /**
   * Records a change, and who departs by it, and writes it, under the lock. The new state counts when the transaction is
   * committed.
   */
  write(session: pg.PoolClient, base: State, changeSet: ChangeSet, how: ChangeCause): Promise<Written>;
  /** Makes a committed state the one of this node. */
  advance(next: State): void;
}

export interface ChangeCause {
  readonly digest: Digest;
  readonly by: Actor;
  readonly approval?: Approval;
  /** Why, for those who depart by it. */
  readonly reason: string;
  readonly onWritten?: (done: number) => void;
}

export interface Written {
  readonly state: State;
  /** Of everybody who leaves or moves by the change. */
  readonly departures: readonly DepartureId[];
}

/** @throws CodedError of `directoryErrors` for a seed that is not acceptable, `database_unavailable` */
export async function createLiveGraph(dependencies: {
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly audit: AuditAppender;
  readonly newRecordId: () => RecordId;
  readonly seed: unknown;
  readonly departures: Pick<Departures, 'begin'>;
}): Promise<LiveGraph> {
  const { pool, clock, audit, newRecordId } = dependencies;
  const keys = createKeyCache({ maxKeys: 65_536 });
  const seed = readSeed(dependencies.seed);

  function readSeed(input: unknown): Graph {
    const problems = createProblems();
    const graph = graphOf(readFile(input, problems.place('seed:'), keys).entries);
    checkGraph(graph, problems);
    const error = problems.asError();
    if (error !== undefined) throw error;
    return graph;
  }

  async function load(session: Session): Promise<State> {
    const { version, entities } = await loadDirectory(session);
    const stored = inOneOrder(
      graphOf(entities.map(({ kind, id, document }) => readDocument(kind, id, document, keys))),
    );
    const keyTimes = await readKeyTimes(session, onSeed(seed, stored), clock.now());
    return stateOf({ version, seed, stored, records: recordsOf(entities), keyTimes });
  }

  /** What is stored, read on from a state that is older: only what has changed since is read again. */
  async function readOn(session: pg.PoolClient, base: State): Promise<Pick<State, 'version' | 'stored' | 'records'>> {
    const { version, total, changed } = await loadChanges(session, base.version);
    if (version === base.version) return base;
    const entries = new Map(base.stored);
    for (const { kind, id, document } of changed) {
      const entry = readDocument(kind, id, document, keys);
      entries.set(entryKey(entry), entry);
    }
    // Everything that is there now is among the entries; when they are more, some of them are gone.
    if (entries.size !== total) {
      const there = new Set((await loadEntityIds(session)).map(({ kind, id }) => `${kind} ${id}`));
      for (const key of entries.keys()) if (!there.has(key)) entries.delete(key);
    }
    return { version, stored: inOneOrder(entries), records: await loadCredentialRecords(session) };
  }

  async function stateFrom(
    { version, stored, records }: Pick<State, 'version' | 'stored' | 'records'>,
    base: State,
    session: Session,
  ): Promise<State> {
    const keyTimes = await withKeysOf(onSeed(seed, stored), base.keyTimes, session, clock.now());
    return stateOf({ version, seed, stored, records, keyTimes });
  }

  let state = await load(pool);

  /** Never goes back: a slow load may end after a change made here. */
  function advance(next: State): void {
    if (next.version > state.version) state = next;
  }

  return {
    state: () => state,
    isSeeded: (kind, id) => seed.has(keyOf(kind, id)),
    advance,

    async refresh() {
      const base = state;
      if ((await readVersion(pool)) <= base.version) return;
      const read = await transaction(pool, async (session) => {
        await askOneSnapshot(session);
        return readOn(session, base);
      });
      advance(await stateFrom(read, base, pool));
    },

    read: (proposal, problems) => readProposal(proposal, problems.place(''), seed, keys),

    readInSlices: (proposal, problems, onProgress) =>
      readProposalInSlices(proposal, problems.place(''), seed, keys, onProgress),

    async evaluate(wanted, base, problems, session = pool) {
      const changeSet = compare({ wanted, seed, stored: base.stored, problems });
      checkGraph(onSeed(seed, changeSet.stored), problems);
      checkPostdatedScreenings(changeSet, clock.now(), problems);
      checkResourceActors(changeSet, problems);
      await checkReusedIds(session, changeSet, base.stored, problems);
      return changeSet;
    },

    async lock(session) {
      const version = await lockDirectory(session);
      const base = state;
      return version === base.version ? base : stateFrom(await readOn(session, base), base, session);
    },

    async write(session, base, changeSet, { digest, by, approval, reason, onWritten }) {
      const version = base.version + 1;
      const { drafts, recordOf } = appliedRecords({
        version,
        changes: changeSet.changes,
        touched: [...changeSet.written, ...changeSet.removed],
        after: changeSet.stored,
        fileDigest: digest,
        by,
        approval,
        newRecordId,
      });
      for (const draft of drafts) await audit.append(draft);
      const [applied] = drafts;
      if (applied === undefined) throw new Error('a change without a record');
      const departures = await dependencies.departures.begin(session, departuresIn(changeSet, base.stored), {
        by,
        reason,
        version,
        applied: applied.id,
      });
      await retireIds(session, retiredBy(changeSet));
      await writeChange(session, {
        version,
        written: changeSet.written,
        removed: changeSet.removed,
        recordOf,
        ...(onWritten === undefined ? {} : { onWritten }),
      });
      const { stored, records } = after(base, changeSet, recordOf, keys);
      const keyTimes = await withKeysOf(stored, base.keyTimes, session, clock.now());
      return { state: stateOf({ version, seed, stored, records, keyTimes }), departures };
    },
  };
}
