import type { Actor, AuditAppender } from '@countersign/contracts';
import type { Clock, Digest, RecordId } from '@countersign/kernel';
import { createKeyCache } from '@countersign/oauth';
import type pg from 'pg';
import { type ChangeSet, compare, type Wanted } from './changes.ts';
import { type EntityKind, type Graph, graphOf, keyOf } from './entry.ts';
import { readKeyTimes, withKeysOf } from './key-times.ts';
import { createProblems, type Problems } from './problems.ts';
import { type Proposal, readProposal } from './proposal.ts';
import { readFile } from './read-file.ts';
import { type Approval, appliedRecords } from './records.ts';
import { checkGraph } from './rules/index.ts';
import { after, inOneOrder, onSeed, readDocument, recordsOf, type State, stateOf } from './state.ts';
import { loadDirectory, lockDirectory, readVersion, type Session, writeChange } from './store.ts';

/** The graph as this node has it, and the one way in which it changes. */
export interface LiveGraph {
  state(): State;
  /** Is it part of the installation itself? */
  isSeeded(kind: EntityKind, id: string): boolean;
  /** Looks for what other nodes have changed. */
  refresh(): Promise<void>;
  /** Reads what is asked for; whatever is wrong is in `problems`. */
  read(proposal: Proposal, problems: Problems): Wanted;
  /** What that would do to `base`; everything wrong with the outcome is in `problems`. */
  evaluate(wanted: Wanted, base: State, problems: Problems): ChangeSet;
  /** Puts the transaction behind all other changes, on every node. @returns the newest state */
  lock(session: pg.PoolClient): Promise<State>;
  /** Records a change and writes it, under the lock. The new state counts when the transaction is committed. */
  write(
    session: pg.PoolClient,
    base: State,
    changeSet: ChangeSet,
    how: { readonly digest: Digest; readonly by: Actor; readonly approval?: Approval },
  ): Promise<State>;
  /** Makes a committed state the one of this node. */
  advance(next: State): void;
}

/** @throws CodedError of `directoryErrors` for a seed that is not acceptable, `database_unavailable` */
export async function createLiveGraph(dependencies: {
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly audit: AuditAppender;
  readonly newRecordId: () => RecordId;
  readonly seed: unknown;
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
    const stored = inOneOrder(entities.map(({ kind, id, document }) => readDocument(kind, id, document, keys)));
    const keyTimes = await readKeyTimes(session, onSeed(seed, stored), clock.now());
    return stateOf({ version, seed, stored, records: recordsOf(entities), keyTimes });
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
      if ((await readVersion(pool)) > state.version) advance(await load(pool));
    },

    read: (proposal, problems) => readProposal(proposal, problems.place(''), seed, keys),

    evaluate(wanted, base, problems) {
      const changeSet = compare({ wanted, seed, stored: base.stored, problems });
      checkGraph(onSeed(seed, changeSet.stored), problems);
      return changeSet;
    },

    async lock(session) {
      const version = await lockDirectory(session);
      return version === state.version ? state : load(session);
    },

    async write(session, base, changeSet, { digest, by, approval }) {
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
      await writeChange(session, { version, written: changeSet.written, removed: changeSet.removed, recordOf });
      const { stored, records } = after(base, changeSet, recordOf, keys);
      const keyTimes = await withKeysOf(stored, base.keyTimes, session, clock.now());
      return stateOf({ version, seed, stored, records, keyTimes });
    },
  };
}
