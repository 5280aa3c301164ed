import { Behind, onceSettled } from '@countersign/commands';
import {
  type Actor,
  type ApplyProgress,
  type DirectoryChange,
  type RecordDraft,
  standingErrors,
} from '@countersign/contracts';
import {
  type Clock,
  type CodedError,
  type DepartureId,
  type Digest,
  digestOf,
  isCodedError,
  type RecordId,
} from '@countersign/kernel';
import { createKeyCache } from '@countersign/oauth';
import { type Logger, transaction } from '@countersign/runtime';
import type pg from 'pg';
import { type ChangeSet, compare, type Wanted } from './changes.ts';
import { departuresIn } from './departures/departing.ts';
import type { Departures } from './departures/departures.ts';
import { type EntityKind, entryKey, type Graph, graphOf, keyOf } from './entry.ts';
import { readKeyTimes, withKeysOf } from './key-times.ts';
import type { Problems } from './problems.ts';
import type { DirectoryLog, Proofs, Said } from './proofs.ts';
import { type Proposal, readProposal, readProposalInSlices } from './proposal.ts';
import { type Approval, appliedRecords } from './records.ts';
import { retireIds } from './retired-ids-store.ts';
import {
  checkGraph,
  checkPostdated,
  checkResourceActors,
  checkReusedIds,
  retiredBy,
  withAnchors,
  withFindings,
} from './rules/index.ts';
import { readSeed } from './seed.ts';
import { after, contentsOf, inOneOrder, onSeed, readDocument, type State, stateOf } from './state.ts';
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
import { type StoredContents, storedContents } from './stored-contents.ts';

/** The graph as this node has it, and the one way in which it changes. */
export interface LiveGraph {
  /** @throws CodedError `authority_unproven` while the log says otherwise, and what it says cannot be had */
  state(): State;
  isInDoubt(): boolean;
  /** What is part of the installation itself. */
  readonly seed: Graph;
  /** Is it part of the installation itself? */
  isSeeded(kind: EntityKind, id: string): boolean;
  /** From now on, after each step from one state to a newer one. */
  onAdvance(listener: (before: State, next: State) => void): void;
  /** Looks for what other nodes have changed. @throws CodedError `authority_unproven`, `log_unavailable` */
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
  /**
   * Puts the transaction behind all other changes, on every node. @returns the newest state, which the log proves
   *
   * @throws {Behind} where an approval has to be carried out first
   * @throws CodedError `authority_unproven`, `log_unavailable`
   */
  lock(session: pg.PoolClient): Promise<State>;
  /** The same to carry out an approval; undefined where that is done. */
  lockFor(session: pg.PoolClient, approval: RecordId): Promise<State | undefined>;
  /** The approval that was recorded and not carried out yet. @throws CodedError `log_unavailable` */
  approved(): Promise<RecordId | undefined>;
  /**
   * Makes a change: recorded, and who departs by it, and written under the lock; then committed, the state of this node, and recorded
   * as committed, now or later.
   *
   * @returns undefined where the approval was carried out already
   * @throws what the steps of the command throw; CodedError `authority_unproven`, `log_unavailable`, `database_unavailable`
   */
  run(command: GraphCommand): Promise<GraphChange | undefined>;
}

/**
 * A change of the graph. All of its steps are members, in the order in which they are taken, and none can be left out: as with a
 * command on a recorded thing, of which this is none (docs/adr/0057). What a step throws is recorded as a refusal.
 */
interface GraphCommand {
  /** The approval that it carries out; undefined where one person is enough. */
  readonly carriesOut: RecordId | undefined;
  /** What it would do to the newest state, which is locked. */
  readonly evaluate: (base: State, session: pg.PoolClient) => Promise<ChangeSet>;
  readonly check: (changeSet: ChangeSet, base: State) => Promise<void>;
  /** What is recorded of it. */
  readonly cause: ChangeCause;
  /** What is stored beside the graph, with the same commit. */
  readonly alongside: (session: pg.PoolClient) => Promise<void>;
  /** The record of a refusal; undefined for what is not one: the caller is told, and nothing is kept. */
  readonly refused: (error: CodedError) => RecordDraft | undefined;
}

/** What a change has come to. */
export interface GraphChange {
  readonly version: number;
  readonly changes: readonly DirectoryChange[];
  /** Of everybody who leaves or moves by it. */
  readonly departures: readonly DepartureId[];
}

interface ChangeCause {
  readonly digest: Digest;
  readonly by: Actor;
  readonly approval?: Approval;
  /** Why, for those who depart by it. */
  readonly reason: string;
  readonly onWritten?: (done: number, of: number) => void;
}

interface Written {
  readonly state: State;
  readonly departures: readonly DepartureId[];
  /** The record that says what the change makes of the graph. */
  readonly record: RecordId;
}

/** What was read of the rows, before anything of it is believed. */
interface Rows {
  readonly contents: StoredContents;
  /** Reads the entities. */
  readonly stored: () => Graph;
}

/**
 * What this node has was proven when it was read; rows count for nothing until the log says the same of them.
 *
 * @throws CodedError of `directoryErrors` for a seed that is not acceptable, `database_unavailable`; `log_unavailable`,
 *   `authority_unproven`
 */
export async function createLiveGraph(dependencies: {
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly audit: DirectoryLog;
  readonly proofs: Proofs;
  readonly logger: Logger;
  readonly newRecordId: () => RecordId;
  readonly seed: unknown;
  readonly departures: Pick<Departures, 'begin' | 'openClaims'>;
  /** Carries out the approval that was recorded last. */
  readonly carryOut: () => Promise<void>;
}): Promise<LiveGraph> {
  const { pool, clock, audit, proofs, logger, newRecordId } = dependencies;
  const keys = createKeyCache({ maxKeys: 65_536 });
  const seed = readSeed(dependencies.seed, keys);

  async function readAll(session: Session): Promise<Rows> {
    const { version, entities } = await loadDirectory(session);
    return {
      contents: contentsOf(version, entities),
      stored: () =>
        inOneOrder(graphOf(entities.map(({ kind, id, document }) => readDocument(kind, id, document, keys)))),
    };
  }

  /** What is stored, read on from a state that is older: only what has changed since is read again. */
  async function readOn(session: pg.PoolClient, base: State): Promise<Rows> {
    const { version, total, changed } = await loadChanges(session, base.version);
    const documents = new Map(base.contents.documents);
    for (const { kind, id, document } of changed) documents.set(`${kind} ${id}`, digestOf(document));
    // Everything that is there now is among the documents; when they are more, some of them are gone.
    if (documents.size !== total) {
      const there = new Set((await loadEntityIds(session)).map(({ kind, id }) => `${kind} ${id}`));
      for (const key of documents.keys()) if (!there.has(key)) documents.delete(key);
    }
    return {
      contents: storedContents({ version, documents, records: await loadCredentialRecords(session) }),
      stored() {
        const entries = new Map(base.stored);
        for (const { kind, id, document } of changed) {
          const entry = readDocument(kind, id, document, keys);
          entries.set(entryKey(entry), entry);
        }
        for (const key of entries.keys()) if (!documents.has(key)) entries.delete(key);
        return inOneOrder(entries);
      },
    };
  }

  /** @param base a state whose times of keys are known already */
  async function stateFrom({ contents, stored: read }: Rows, session: Session, base?: State): Promise<State> {
    const stored = read();
    const graph = onSeed(seed, stored);
    const keyTimes =
      base === undefined
        ? await readKeyTimes(session, graph, clock.now())
        : await withKeysOf(graph, base.keyTimes, session, clock.now());
    return stateOf({ seed, stored, contents, keyTimes });
  }

  /**
   * The newest state, where nobody else changes it: only here can rows that disagree not be those of a change on its way.
   *
   * A change whose process died after the commit is recorded as committed.
   */
  async function lock(session: pg.PoolClient, base?: State): Promise<State> {
    const version = await lockDirectory(session);
    const said = await proofs.ask();
    const found =
      version === base?.version && said.proofOf(base.contents) !== undefined
        ? base
        : await readProven(session, said, version, base);
    if (said.pending !== undefined && said.proofOf(found.contents) === 'pending')
      await proofs.commit(found.contents, said.pending);
    return found;
  }

  async function readProven(session: pg.PoolClient, said: Said, version: number, base?: State): Promise<State> {
    if (base !== undefined && version > base.version) {
      const changed = await readOn(session, base);
      if (said.proofOf(changed.contents) !== undefined) return stateFrom(changed, session, base);
    }
    const all = await readAll(session);
    const isProven =
      said.proofOf(all.contents) !== undefined ||
      (await proofs.takeOver(all.contents, () => dependencies.departures.openClaims(session)));
    if (!isProven) await proofs.contradict(all.contents);
    return stateFrom(all, session, base);
  }

  async function load(): Promise<State> {
    const rows = await readAll(pool);
    if ((await proofs.ask()).proofOf(rows.contents) !== undefined) return stateFrom(rows, pool);
    return transaction(pool, (session) => lock(session));
  }

  let state = await load();
  const listeners: ((before: State, next: State) => void)[] = [];
  /** Why what this node has cannot be relied on. */
  let doubt: CodedError | undefined;
  /** A change of this node that no record calls committed yet. */
  let unconfirmed: Written | undefined;
  /** The change that was pending when this node last looked, and is on its rows. */
  let seenPending: RecordId | undefined;

  /** Never goes back: a slow load may end after a change made here. */
  function advance(next: State): void {
    if (next.version <= state.version) return;
    const before = state;
    state = next;
    doubt = undefined;
    for (const listener of listeners) listener(before, next);
  }

  /**
   * Whatever the rows say now: this node has seen the commit. Under the lock, so that a later change is not taken back;
   * whoever makes one says first that this one was committed.
   */
  async function confirm(written: Written): Promise<void> {
    await transaction(pool, async (session) => {
      await lockDirectory(session);
      if ((await proofs.ask()).pending === written.record) await proofs.commit(written.state.contents, written.record);
    });
    if (unconfirmed === written) unconfirmed = undefined;
  }

  /** What cannot be recorded now is tried again when this node looks next. */
  async function confirmLater(written: Written): Promise<void> {
    unconfirmed = written;
    try {
      await confirm(written);
    } catch (error) {
      const { version } = written.state;
      logger.warn({ error, version }, 'a change of the directory is not recorded as committed yet');
    }
  }

  /** As far as the log says that there is more than this node has. */
  async function catchUp(): Promise<void> {
    const base = state;
    // First the rows: whatever is committed by then is recorded when the log is asked.
    const version = await readVersion(pool);
    const said = await proofs.ask();
    const proof = said.proofOf(base.contents);
    if (version === base.version && proof !== undefined) {
      // A writer may be on its way to record it. If it is still so when this node looks again, there is none.
      if (proof === 'pending' && said.pending === seenPending)
        await transaction(pool, (session) => lock(session, base));
      seenPending = proof === 'pending' ? said.pending : undefined;
      return;
    }
    if (version > base.version) {
      const rows = await transaction(pool, async (session) => {
        await askOneSnapshot(session);
        return readOn(session, base);
      });
      if ((await proofs.ask()).proofOf(rows.contents) !== undefined) return advance(await stateFrom(rows, pool, base));
    }
    advance(await transaction(pool, (session) => lock(session, base)));
  }

  async function refresh(): Promise<void> {
    if (unconfirmed !== undefined) await confirmLater(unconfirmed);
    try {
      await catchUp();
      doubt = undefined;
    } catch (error) {
      if (await isOutdated()) {
        doubt ??= standingErrors.error(
          'authority_unproven',
          'The audit log has a newer state of the directory than this node, and that could not be read from the database. Nothing is ' +
            'decided until it can be: look at the log of this process, and for records of type standing.contradicted.',
        );
        logger.error({ error }, 'the directory is behind the audit log and cannot be read');
      }
      throw error;
    }
  }

  /** Where the log cannot be asked, nothing can be recorded either, and so nothing let out. */
  async function isOutdated(): Promise<boolean> {
    try {
      return (await proofs.ask()).proofOf(state.contents) === undefined;
    } catch {
      return false;
    }
  }

  async function lockForChange(session: pg.PoolClient): Promise<State> {
    const base = await lock(session, state);
    if ((await proofs.ask()).approved !== undefined) throw new Behind(dependencies.carryOut);
    return base;
  }

  async function lockFor(session: pg.PoolClient, approval: RecordId): Promise<State | undefined> {
    const base = await lock(session, state);
    return (await proofs.ask()).approved === approval ? base : undefined;
  }

  async function write(
    session: pg.PoolClient,
    base: State,
    changeSet: ChangeSet,
    { digest, by, approval, reason, onWritten }: ChangeCause,
  ): Promise<Written> {
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
    const [applied] = drafts;
    const last = drafts.at(-1);
    if (applied === undefined || last === undefined) throw new Error('a change without a record');
    const { stored, contents } = after(base, version, changeSet, recordOf, keys);
    await retireIds(session, retiredBy(changeSet));
    await writeChange(session, {
      version,
      written: changeSet.written,
      removed: changeSet.removed,
      recordOf,
      ...(onWritten === undefined ? {} : { onWritten: (done) => onWritten(done, changeSet.written.length) }),
    });
    const keyTimes = await withKeysOf(stored, base.keyTimes, session, clock.now());
    // Last of all, so that little can still go wrong between the records and the commit.
    for (const draft of drafts.slice(0, -1)) await audit.append(draft);
    await audit.append({ ...last, standing: [proofs.pendingStanding(contents)] });
    const departures = await dependencies.departures.begin(session, departuresIn(changeSet, base.stored), {
      by,
      reason,
      version,
      applied: applied.id,
    });
    return { state: stateOf({ seed, stored, contents, keyTimes }), departures, record: last.id };
  }

  /** Up to the commit. */
  const changed = (command: GraphCommand) =>
    transaction(pool, async (session) => {
      const { carriesOut } = command;
      const base = carriesOut === undefined ? await lockForChange(session) : await lockFor(session, carriesOut);
      if (base === undefined) return undefined;
      const changeSet = await command.evaluate(base, session);
      await command.check(changeSet, base);
      const { changes } = changeSet;
      if (changes.length === 0) return { base, changes };
      await command.alongside(session);
      return { base, changes, written: await write(session, base, changeSet, command.cause) };
    });

  return {
    state() {
      if (doubt !== undefined) throw doubt;
      return state;
    },
    isInDoubt: () => doubt !== undefined,
    seed,
    isSeeded: (kind, id) => seed.has(keyOf(kind, id)),
    onAdvance: (listener) => void listeners.push(listener),
    refresh,

    read: (proposal, problems) => readProposal(proposal, problems.place(''), seed, keys),

    readInSlices: (proposal, problems, onProgress) =>
      readProposalInSlices(proposal, problems.place(''), seed, keys, onProgress),

    async evaluate(wanted, base, problems, session = pool) {
      const entries = withAnchors(withFindings(wanted.entries, base.stored), base.stored);
      const changeSet = compare({ wanted: { ...wanted, entries }, seed, stored: base.stored, problems });
      checkGraph(onSeed(seed, changeSet.stored), problems);
      checkPostdated(changeSet, clock.now(), problems);
      checkResourceActors(changeSet, problems);
      await checkReusedIds(session, changeSet, base.stored, problems);
      return changeSet;
    },

    lock: lockForChange,
    lockFor,
    approved: async () => (await proofs.ask()).approved,

    async run(command) {
      const made = await onceSettled(() => changed(command)).catch(async (error: unknown) => {
        const refusal = isCodedError(error) ? command.refused(error) : undefined;
        if (refusal !== undefined) await audit.append(refusal);
        throw error;
      });
      if (made === undefined) return undefined;
      const { base, changes, written } = made;
      if (written === undefined) {
        advance(base);
        return { version: base.version, changes, departures: [] };
      }
      advance(written.state);
      await confirmLater(written);
      return { version: written.state.version, changes, departures: written.departures };
    },
  };
}
