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
import type { DirectoryLog, LoggedGraph, Proofs } from './proofs.ts';
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

export interface LiveGraph {
  /** @throws CodedError `authority_unproven` while the log contradicts this state */
  state(): State;
  isInDoubt(): boolean;
  readonly seed: Graph;
  isSeeded(kind: EntityKind, id: string): boolean;
  onAdvance(listener: (before: State, next: State) => void): void;
  refresh(): Promise<void>;
  read(proposal: Proposal, problems: Problems): Wanted;
  readInSlices(proposal: Proposal, problems: Problems, onProgress?: ApplyProgress): Promise<Wanted>;
  /** Reports all errors of the result in `problems`. @param session holds the lock, if the change is to be made */
  evaluate(wanted: Wanted, base: State, problems: Problems, session?: Session): Promise<ChangeSet>;
  /**
   * @returns the newest state, proven by the log
   *
   * @throws {Behind} if an approval must be carried out first; CodedError `authority_unproven`, `log_unavailable`
   */
  lock(session: pg.PoolClient): Promise<State>;
  lockFor(session: pg.PoolClient, approval: RecordId): Promise<State | undefined>;
  approved(): Promise<RecordId | undefined>;
  /**
   * Records the change and its departures, writes them under the lock, commits, and records the commit.
   *
   * @returns undefined if the approval has already been carried out
   */
  run(command: GraphCommand): Promise<GraphChange | undefined>;
}

/**
 * All steps are required, as in a command on a recorded thing (docs/adr/0057). An error that a step throws is recorded
 * as a refusal.
 */
interface GraphCommand {
  /** The approval that this change carries out; undefined if one person is enough. */
  readonly carriesOut: RecordId | undefined;
  readonly evaluate: (base: State, session: pg.PoolClient) => Promise<ChangeSet>;
  readonly check: (changeSet: ChangeSet, base: State) => Promise<void>;
  readonly cause: ChangeCause;
  readonly alongside: (session: pg.PoolClient) => Promise<void>;
  readonly refused: (error: CodedError) => RecordDraft | undefined;
}

export interface GraphChange {
  readonly version: number;
  readonly changes: readonly DirectoryChange[];
  readonly departures: readonly DepartureId[];
}

interface ChangeCause {
  readonly digest: Digest;
  readonly by: Actor;
  readonly approval?: Approval;
  readonly reason: string;
  readonly onWritten?: (done: number, of: number) => void;
}

interface Written {
  readonly state: State;
  readonly departures: readonly DepartureId[];
  readonly record: RecordId;
}

interface Rows {
  readonly contents: StoredContents;
  readonly stored: () => Graph;
}

/**
 * New rows count only once the log confirms them.
 *
 * @throws CodedError of `directoryErrors` for an invalid seed, `database_unavailable`; `log_unavailable`,
 * `authority_unproven`
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

  /** Reads the stored graph. With an older state as a base, it reads only what has changed since. */
  async function readOn(session: pg.PoolClient, base: State): Promise<Rows> {
    const { version, total, changed } = await loadChanges(session, base.version);
    const documents = new Map(base.contents.documents);
    for (const { kind, id, document } of changed) documents.set(`${kind} ${id}`, digestOf(document));
    // The documents include every entity that exists now. If they are more, some entities have been removed.
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
   * Only under the lock can rows that disagree with the log not belong to a change in progress. If a process died
   * after its commit, this records the commit.
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

  async function readProven(session: pg.PoolClient, said: LoggedGraph, version: number, base?: State): Promise<State> {
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
  let doubt: CodedError | undefined;
  /** A change made by this node that has no record of its commit yet. */
  let unconfirmed: Written | undefined;
  /** The change that was pending at the last check and whose rows this node has. */
  let seenPending: RecordId | undefined;

  /** The version never decreases: a slow load may end after a change made here. */
  function advance(next: State): void {
    if (next.version <= state.version) return;
    const before = state;
    state = next;
    doubt = undefined;
    for (const listener of listeners) listener(before, next);
  }

  /** Whatever the rows are now. Under the lock, so that it cannot undo a later change. */
  async function confirm(written: Written): Promise<void> {
    await transaction(pool, async (session) => {
      await lockDirectory(session);
      if ((await proofs.ask()).pending === written.record) await proofs.commit(written.state.contents, written.record);
    });
    if (unconfirmed === written) unconfirmed = undefined;
  }

  /** A failed recording is retried at the next check. */
  async function confirmLater(written: Written): Promise<void> {
    unconfirmed = written;
    try {
      await confirm(written);
    } catch (error) {
      const { version } = written.state;
      logger.warn({ error, version }, 'a change of the directory is not recorded as committed yet');
    }
  }

  /** Up to the newest state that the log proves. */
  async function catchUp(): Promise<void> {
    const base = state;
    // Read the rows first: a change committed by then is recorded when the log is read.
    const version = await readVersion(pool);
    const said = await proofs.ask();
    const proof = said.proofOf(base.contents);
    if (version === base.version && proof !== undefined) {
      // A writer may be about to record its commit. If nothing has changed at the next check, there is no such writer.
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
            'decided until it can be read. Check the log of this process, and the audit log for records of type row.rejected.',
        );
        logger.error({ error }, 'the directory is behind the audit log and cannot be read');
      }
      throw error;
    }
  }

  /** If the log cannot be read, it cannot be written either, so nothing may be released. */
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
    // This is the last step, so that little can fail between the records and the commit.
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
