import {
  type AuditAppender,
  type AuditLog,
  type EvidenceRecord,
  type RecordDraft,
  recordIdAfter,
  recordIdOfCommand,
  type StandingCheck,
  type StandingReader,
  type StandingRecord,
  standing,
  standingErrors,
} from '@countersign/contracts';
import { defined, digestOf, type Json, type RecordId } from '@countersign/kernel';
import { takeNamedLock, transaction } from '@countersign/runtime';
import type pg from 'pg';
import { Behind, onceSettled } from './behind.ts';

export interface WrittenBy<Id extends string> {
  readonly id: Id;
  readonly record: RecordId;
}

interface WrittenKind<Id extends string, State, Row extends State> {
  /** In the log a thing is called `<kind>:<id>`. */
  readonly kind: string;
  /** Record of the change that wrote the row. */
  recordOf(row: Row): RecordId;
  /** The part of the state that is compared with the log, as plain JSON. */
  content(state: State): Json;
  /** Inserts or updates the row. Nothing else writes the columns with authority. */
  put(session: pg.PoolClient, state: State, by: WrittenBy<Id>): Promise<void>;
  /** Deletes the row of a thing that has ended. Left out when the row stays and is marked as ended. */
  readonly remove?: (session: pg.PoolClient, id: Id) => Promise<void>;
  /**
   * Notifies others of the record before the row is written, also when a later reader writes the row. It may run again, so use an id
   * derived from the record.
   */
  readonly notify?: (state: State, by: WrittenBy<Id>) => Promise<void>;
}

/**
 * A kind whose component compares rows with the log itself: for rows that cannot be overwritten and are read in large numbers.
 */
export interface ProvenKind<Id extends string, State, Row extends State = State> extends WrittenKind<Id, State, Row> {
  readonly proven: true;
  /** Locks the row until the transaction ends. @returns whether there is one */
  hold(session: pg.PoolClient, id: Id): Promise<boolean>;
  /** The state of the newest record, whatever the rows contain; writes a missing row. Called under the lock. */
  complete(session: pg.PoolClient, id: Id): Promise<Row | undefined>;
  /** The members of record data from which the component reads the recorded state. */
  carries(state: State): Readonly<Record<string, Json>>;
}

/**
 * A kind whose rows are copies of their newest records (docs/adr/0057).
 *
 * `State` is exactly the part of a row that carries authority; a row may have more columns, such as the time of its next check.
 */
export interface RecordedKind<Id extends string, State, Row extends State = State> extends WrittenKind<Id, State, Row> {
  readonly proven?: undefined;
  /** The row, without a lock. */
  find(session: pg.Pool | pg.PoolClient, id: Id): Promise<Row | undefined>;
  /** The row, locked until the transaction ends. */
  lock(session: pg.PoolClient, id: Id): Promise<Row | undefined>;
  /**
   * What records contain instead of the {@link WrittenKind.content}: a sealed form if it must not be readable in the log, or more members
   * when a new row needs them.
   */
  readonly carried?: (state: State, id: Id) => Json;
  /**
   * @param carried from a record of ours; the resulting state has the same content
   * @param data all data of the record: restricted parts of the state are only there
   */
  stateOf(carried: Json, id: Id, data: Json): State;
  /**
   * Rows are deleted after some time and are then not restored. `true`: rows of ended things; a function: rows of the states that it
   * names, ended or not.
   */
  readonly forgets?: true | ((state: State) => boolean);
}

export function thingOf<Id extends string>({ kind }: { readonly kind: string }, id: Id): string {
  return `${kind}:${id}`;
}

/** The record id of the next change of a thing. It is derived from the previous change, so there can be only one. */
export function recordIdOfNext(of: string, previous: RecordId | undefined): RecordId {
  return previous === undefined ? recordIdOfCommand({ first: of }) : recordIdAfter(of, previous);
}

export type ThingsLog = AuditAppender & StandingReader & Pick<AuditLog, 'find'>;

export interface RecordedThings<Id extends string, State, Row extends State = State> {
  /** The current state; undefined when there is none. @throws CodedError `authority_unproven`, `log_unavailable` */
  find(id: Id): Promise<Row | undefined>;
  /**
   * Reads it under a lock, within a transaction.
   *
   * @throws {Behind} when the row has to be written first
   */
  lock(session: pg.PoolClient, id: Id): Promise<Row | undefined>;
  /**
   * As {@link lock}, with the record of the previous change.
   *
   * @param unproven how to treat a row that was altered (after the report), or that is missing and cannot be restored: `none` counts
   *   it as no row
   * @throws {Behind} as {@link lock}
   */
  hold(
    session: pg.PoolClient,
    id: Id,
    unproven: 'refused' | 'none',
  ): Promise<{ readonly row: Row | undefined; readonly previous: RecordId | undefined }>;
  /**
   * Runs work without changes of authority under the lock, in one transaction; a row behind its record is written first.
   *
   * @throws errors of `work`; CodedError `authority_unproven`, `log_unavailable`, `database_unavailable`
   */
  locked<Result>(
    id: Id,
    work: (row: Row | undefined, session: pg.PoolClient) => Promise<Result> | Result,
  ): Promise<Result>;
  /**
   * Whether a row that was read before matches its newest record. Otherwise the row is written from the record or reported, and the
   * earlier reading must be discarded. @throws CodedError `log_unavailable`
   */
  counts(id: Id, row: Row): Promise<boolean>;
  /** Writes the row from its newest record if it is behind. */
  settle(id: Id): Promise<void>;
  /**
   * Requires that another thing, on which a command depends, is written. It is not locked; a lock that all commands of the component
   * take prevents changes.
   *
   * @throws {Behind} when it has to be written first
   */
  requireWritten(session: pg.PoolClient, id: Id): Promise<void>;
  /**
   * Overwrites an altered row from its newest record: for harmless commands that must always be possible, such as a cancellation.
   *
   * @returns false when no record contains the state
   */
  restore(id: Id): Promise<boolean>;
  /** The standing for the record of a change. */
  saying(id: Id, state: State): NonNullable<RecordDraft['standing']>[number];
}

/** Internal interface for commands. */
export interface ChangedThings<Id extends string, State, Row extends State>
  extends Pick<RecordedThings<Id, State, Row>, 'hold' | 'settle' | 'saying'> {
  /** The new state as members of the record's data. */
  carrying(id: Id, state: State, previous: RecordId | undefined): Readonly<Record<string, Json>>;
}

/** Locks the name, because a missing row cannot be locked; otherwise older state could overwrite newer state. */
async function lockName<Id extends string>(
  { kind }: { readonly kind: string },
  session: pg.PoolClient,
  id: Id,
): Promise<void> {
  // One of 64 names, because each name keeps a row permanently.
  await takeNamedLock(session, `new ${kind} ${digestOf({ id }).charAt(0)}`);
}

const sayingOf = <Id extends string, State, Row extends State>(
  kind: WrittenKind<Id, State, Row>,
  id: Id,
  state: State,
) => standing(thingOf(kind, id), kind.content(state));

/** Things of a {@link ProvenKind}. */
function createProvenThings<Id extends string, State, Row extends State>(
  kind: ProvenKind<Id, State, Row>,
  { pool }: { readonly pool: pg.Pool },
): ChangedThings<Id, State, Row> {
  async function held(session: pg.PoolClient, id: Id): Promise<Row | undefined> {
    if (!(await kind.hold(session, id))) {
      await lockName(kind, session, id);
      await kind.hold(session, id);
    }
    return kind.complete(session, id);
  }
  return {
    async hold(session, id) {
      const row = await held(session, id);
      return { row, previous: row === undefined ? undefined : kind.recordOf(row) };
    },
    async settle(id) {
      await transaction(pool, (session) => held(session, id));
    },
    saying: (id, state) => sayingOf(kind, id, state),
    carrying: (_id, state) => kind.carries(state),
  };
}

/** As {@link createRecordedThings}, of either sort. */
export function createChangedThings<Id extends string, State, Row extends State>(
  kind: RecordedKind<Id, State, Row> | ProvenKind<Id, State, Row>,
  dependencies: Parameters<typeof createRecordedThings<Id, State, Row>>[1],
): ChangedThings<Id, State, Row> {
  if (kind.proven) return createProvenThings(kind, dependencies);
  return {
    ...createRecordedThings(kind, dependencies),
    carrying: (id, state, previous) => ({
      thing: thingOf(kind, id),
      after: kind.carried?.(state, id) ?? kind.content(state),
      ...defined({ previous }),
    }),
  };
}

export async function write<Id extends string, State, Row extends State>(
  kind: WrittenKind<Id, State, Row>,
  session: pg.PoolClient,
  state: State,
  by: WrittenBy<Id> & { readonly ends: boolean },
): Promise<void> {
  const { id, record, ends } = by;
  await kind.notify?.(state, { id, record });
  if (ends && kind.remove !== undefined) await kind.remove(session, id);
  else await kind.put(session, state, { id, record });
}

/**
 * Reads rows and repairs them from their records. A row counts while it matches its newest record and names it (docs/adr/0043). A
 * missing row, or one with the previous state, is written from the record, which contains the whole state. Any other row was
 * altered: it is reported and ignored.
 */
export function createRecordedThings<Id extends string, State, Row extends State>(
  kind: RecordedKind<Id, State, Row>,
  {
    pool,
    log,
    check,
    source,
  }: {
    readonly pool: pg.Pool;
    readonly log: ThingsLog;
    readonly check: StandingCheck;
    readonly source: RecordDraft['source'];
  },
): RecordedThings<Id, State, Row> {
  const newestOf = async (id: Id): Promise<StandingRecord | undefined> => {
    const of = thingOf(kind, id);
    return (await log.standings([of])).get(of);
  };
  const claimOf = (id: Id, row: Row) => ({ of: thingOf(kind, id), content: kind.content(row) });

  async function lockRow(session: pg.PoolClient, id: Id): Promise<Row | undefined> {
    const row = await kind.lock(session, id);
    if (row !== undefined) return row;
    await lockName(kind, session, id);
    return kind.lock(session, id);
  }

  /** The state in the newest record, and whether it matches the record's standing. */
  async function carriedBy(id: Id, newest: StandingRecord): Promise<Carried<State> | undefined> {
    const found = await log.find(newest.record);
    const { thing, after, previous } = found === undefined ? {} : carriedIn(found.record);
    // The record of another thing can end this one.
    if (after === undefined || thing !== thingOf(kind, id) || found?.record.source !== source) return undefined;
    const state = kind.stateOf(after, id, found.record.data ?? {});
    const digest = digestOf(kind.content(state));
    return newest.digest === undefined || newest.digest === digest ? { state, digest, previous } : undefined;
  }

  /**
   * Compares a row with the newest record of its thing: it matches, the thing has ended and the row must go, the row must be written,
   * or it was altered.
   */
  async function compared(
    id: Id,
    row: Row | undefined,
    newest: StandingRecord | undefined,
  ): Promise<Comparison<State>> {
    if (newest === undefined) return row === undefined ? same : foreign;
    const found = row === undefined ? undefined : { digest: digestOf(kind.content(row)), record: kind.recordOf(row) };
    const isNewest = found?.record === newest.record;
    if (newest.digest !== undefined && isNewest) return found.digest === newest.digest ? same : foreign;
    if (newest.digest === undefined) {
      if (kind.remove !== undefined) return found === undefined ? same : { is: 'to-be-removed', by: found.record };
      if (found === undefined && kind.forgets === true) return same;
    }
    const carried = await carriedBy(id, newest);
    // The state of an ended thing can no longer be read, but it has ended all the same.
    if (carried === undefined) return newest.digest === undefined ? gone : foreign;
    if (isNewest) return found.digest === carried.digest ? same : foreign;
    if (found === undefined && typeof kind.forgets === 'function' && kind.forgets(carried.state)) return same;
    const isBehind = found === undefined || found.record === carried.previous || found.digest === newest.digest;
    return isBehind ? { is: 'behind', state: carried.state } : foreign;
  }

  async function unproven(id: Id, row: Row | undefined): Promise<never> {
    if (row !== undefined) await check.require(claimOf(id, row));
    throw standingErrors.error(
      'authority_unproven',
      `What is stored about ${thingOf(kind, id)} is not what its newest record in the audit log says, so it cannot be relied on.`,
    );
  }

  const settleIn = async (session: pg.PoolClient, id: Id, how: 'behind' | 'also-foreign'): Promise<boolean> => {
    const row = await lockRow(session, id);
    const newest = await newestOf(id);
    const found = await compared(id, row, newest);
    if (found.is === 'same') return newest !== undefined;
    if (found.is === 'to-be-removed' && row !== undefined && newest !== undefined) {
      const record = await log.find(newest.record);
      // A row that differs from the ended one is reported and deleted too.
      if (record !== undefined && carriedIn(record.record).previous !== found.by) await check.holds(claimOf(id, row));
      const ending = await carriedBy(id, newest);
      if (ending === undefined) await kind.remove?.(session, id);
      else await write(kind, session, ending.state, { id, record: newest.record, ends: true });
      return true;
    }
    if (newest === undefined) return false;
    const recorded = how === 'also-foreign' ? (await carriedBy(id, newest))?.state : undefined;
    const state = found.is === 'behind' ? found.state : recorded;
    if (state === undefined) return false;
    await write(kind, session, state, { id, record: newest.record, ends: newest.digest === undefined });
    return true;
  };

  const things: RecordedThings<Id, State, Row> = {
    async find(id) {
      const row = await kind.find(pool, id);
      const found = await compared(id, row, await newestOf(id));
      // The two readings may be of different times, so read again under the lock.
      return found.is === 'same' ? row : things.locked(id, (locked) => locked);
    },
    locked: (id, work) =>
      onceSettled(() => transaction(pool, async (session) => work(await things.lock(session, id), session))),
    async lock(session, id) {
      return (await things.hold(session, id, 'refused')).row;
    },
    async hold(session, id, otherwise) {
      const row = await lockRow(session, id);
      const newest = await newestOf(id);
      const { is } = await compared(id, row, newest);
      if (is === 'same') return { row, previous: newest?.record };
      if (is === 'gone') return { row: undefined, previous: newest?.record };
      if (is !== 'foreign') throw new Behind(() => things.settle(id));
      if (otherwise === 'refused') return unproven(id, row);
      if (row !== undefined) await check.holds(claimOf(id, row));
      return { row: undefined, previous: newest?.record };
    },
    async counts(id, row) {
      if ((await compared(id, row, await newestOf(id))).is === 'same') return true;
      await things.find(id).catch((error: unknown) => {
        if (!standingErrors.is(error, 'authority_unproven')) throw error;
      });
      return false;
    },
    async settle(id) {
      await transaction(pool, (session) => settleIn(session, id, 'behind'));
    },
    async requireWritten(session, id) {
      const { is } = await compared(id, await kind.find(session, id), await newestOf(id));
      if (is === 'behind' || is === 'to-be-removed') throw new Behind(() => things.settle(id));
    },
    restore: (id) => transaction(pool, (session) => settleIn(session, id, 'also-foreign')),
    saying: (id, state) => sayingOf(kind, id, state),
  };
  return things;
}

interface Carried<State> {
  readonly state: State;
  readonly digest: string;
  readonly previous: RecordId | undefined;
}

type Comparison<State> =
  | { readonly is: 'same' | 'gone' | 'foreign' }
  | { readonly is: 'behind'; readonly state: State }
  /** @param by the record named in the row */
  | { readonly is: 'to-be-removed'; readonly by: RecordId };

const same = { is: 'same' } as const;
const gone = { is: 'gone' } as const;
const foreign = { is: 'foreign' } as const;

function carriedIn({ data }: EvidenceRecord) {
  // The runner of commands wrote these members.
  return (data ?? {}) as { readonly thing?: string; readonly after?: Json; readonly previous?: RecordId };
}
