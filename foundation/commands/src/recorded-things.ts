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
import { defined, digestOf, isCodedError, type Json, type RecordId } from '@countersign/kernel';
import { takeNamedLock, transaction } from '@countersign/runtime';
import type pg from 'pg';
import { Behind, onceSettled } from './behind.ts';

/** The change that a row is written by. */
export interface WrittenBy<Id extends string> {
  readonly id: Id;
  readonly record: RecordId;
}

/** What every kind of things has, however its rows are held against the log. */
interface WrittenKind<Id extends string, State, Row extends State> {
  /** In the log a thing is called `<kind>:<id>`. */
  readonly kind: string;
  /** The record of the change that made the row what it is. */
  recordOf(row: Row): RecordId;
  /** What of the state is compared with the log: plain JSON. */
  content(state: State): Json;
  /** Makes the row say this: a new row, or the one that there is. Nothing else writes what decides. */
  put(session: pg.PoolClient, state: State, by: WrittenBy<Id>): Promise<void>;
  /** Takes the row of a thing that has ended away. Left out where the row stays, and says that it has ended. */
  readonly remove?: (session: pg.PoolClient, id: Id) => Promise<void>;
  /**
   * Tells others what was recorded, before the row says it: also when whoever looks next writes the row, and then perhaps again.
   * Once for each record: an id that follows from it is taken once.
   */
  readonly tell?: (state: State, by: WrittenBy<Id>) => Promise<void>;
}

/**
 * Things of a kind whose rows the component itself holds against the log. For rows that cannot be written over, and that are read in
 * great numbers.
 */
export interface ProvenKind<Id extends string, State, Row extends State = State> extends WrittenKind<Id, State, Row> {
  readonly proven: true;
  /** Locks the row until the transaction ends. @returns whether there is one */
  hold(session: pg.PoolClient, id: Id): Promise<boolean>;
  /** What the newest record says, whatever the rows say; the row is written where it is missing. Asked under the lock. */
  complete(session: pg.PoolClient, id: Id): Promise<Row | undefined>;
  /** What records say of the state, as members of their data: from it the component reads what was recorded. */
  carries(state: State): Readonly<Record<string, Json>>;
}

/**
 * Things of one kind, whose rows are copies of what their newest records say (docs/adr/0057).
 *
 * `State` is everything in a row that decides something, and nothing else; a row may hold more, such as when it is next looked at.
 */
export interface RecordedKind<Id extends string, State, Row extends State = State> extends WrittenKind<Id, State, Row> {
  readonly proven?: undefined;
  /** The row, without a lock. */
  find(session: pg.Pool | pg.PoolClient, id: Id): Promise<Row | undefined>;
  /** The row, locked until the transaction ends. */
  lock(session: pg.PoolClient, id: Id): Promise<Row | undefined>;
  /**
   * What records carry instead of the {@link WrittenKind.content}: where nobody may read it in the log, it is sealed; and where a new
   * row needs more than is compared, such as the place at which it begins, that is added.
   */
  readonly carried?: (state: State, id: Id) => Json;
  /**
   * @param carried what a record of ours carries; the state that is made from it has the same content
   * @param data all that the record says: what is restricted in a state stands there once, and is not carried a second time
   */
  stateOf(carried: Json, id: Id, data: Json): State;
  /**
   * Rows are removed in time: where there is none any more, none is written. `true`: of what has ended; otherwise, of what this says it
   * of, ended or not.
   */
  readonly forgets?: true | ((state: State) => boolean);
}

export function thingOf<Id extends string>({ kind }: { readonly kind: string }, id: Id): string {
  return `${kind}:${id}`;
}

/** The id of the record of the next change of a thing: it follows from the change before, so that there can be but one. */
export function recordIdOfNext(of: string, previous: RecordId | undefined): RecordId {
  return previous === undefined ? recordIdOfCommand({ first: of }) : recordIdAfter(of, previous);
}

export type ThingsLog = AuditAppender & StandingReader & Pick<AuditLog, 'find'>;

export interface RecordedThings<Id extends string, State, Row extends State = State> {
  /** The thing as it stands; undefined where there is none. @throws CodedError `authority_unproven`, `log_unavailable` */
  find(id: Id): Promise<Row | undefined>;
  /**
   * The same under a lock, within a transaction.
   *
   * @throws {Behind} where the row has to be written first
   */
  lock(session: pg.PoolClient, id: Id): Promise<Row | undefined>;
  /**
   * As {@link lock}, with the record that the next change follows.
   *
   * @param unproven what becomes of a row that somebody else wrote, once that is reported, and of one that is gone and that its record
   *   cannot give back: `none` takes it for no row
   * @throws {Behind} as {@link lock}
   */
  hold(
    session: pg.PoolClient,
    id: Id,
    unproven: 'refused' | 'none',
  ): Promise<{ readonly row: Row | undefined; readonly previous: RecordId | undefined }>;
  /**
   * Does what changes nothing that decides with the thing under its lock, in one transaction; a row that is behind is written first.
   *
   * @throws what `work` throws; CodedError `authority_unproven`, `log_unavailable`, `database_unavailable`
   */
  locked<Result>(
    id: Id,
    work: (row: Row | undefined, session: pg.PoolClient) => Promise<Result> | Result,
  ): Promise<Result>;
  /**
   * Whether a row that was read before is what the newest record says. One that is not is written from the record, where that can be
   * done, or reported; what was read of it counts for nothing. @throws CodedError `log_unavailable`
   */
  counts(id: Id, row: Row): Promise<boolean>;
  /** Writes what the newest record says, where the row does not say it yet. */
  settle(id: Id): Promise<void>;
  /**
   * That a thing which a command depends on, beside its own, is written. It is not locked: what keeps it from changing meanwhile is a
   * lock that all commands of the component take.
   *
   * @throws {Behind} where it has to be written first
   */
  requireWritten(session: pg.PoolClient, id: Id): Promise<void>;
  /**
   * Writes what the newest record says over a row that somebody else has written: for what takes nothing from anybody and must go
   * on nevertheless, as calling it off.
   *
   * @returns false where no record says what the thing is
   */
  restore(id: Id): Promise<boolean>;
  /** What the record of a change says stands from then on. */
  saying(id: Id, state: State): NonNullable<RecordDraft['standing']>[number];
}

/** What a command needs of the things that it changes. */
export interface ChangedThings<Id extends string, State, Row extends State>
  extends Pick<RecordedThings<Id, State, Row>, 'hold' | 'settle' | 'saying'> {
  /** What the record of a change says of the state from then on, beside what else is in its data. */
  carrying(id: Id, state: State, previous: RecordId | undefined): Readonly<Record<string, Json>>;
}

/** A row that is not there cannot be locked: a name is, so that nobody writes what is older than what others wrote meanwhile. */
async function lockName<Id extends string>(
  { kind }: { readonly kind: string },
  session: pg.PoolClient,
  id: Id,
): Promise<void> {
  // One of 64: a lock by name leaves a row for good.
  await takeNamedLock(session, `new ${kind} ${digestOf({ id }).charAt(0)}`);
}

const sayingOf = <Id extends string, State, Row extends State>(
  kind: WrittenKind<Id, State, Row>,
  id: Id,
  state: State,
) => standing(thingOf(kind, id), kind.content(state));

/** Things that the component itself holds against the log. */
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

/** Carries out what is recorded. */
export async function write<Id extends string, State, Row extends State>(
  kind: WrittenKind<Id, State, Row>,
  session: pg.PoolClient,
  state: State,
  by: WrittenBy<Id> & { readonly ends: boolean },
): Promise<void> {
  const { id, record, ends } = by;
  await kind.tell?.(state, { id, record });
  if (ends && kind.remove !== undefined) await kind.remove(session, id);
  else await kind.put(session, state, { id, record });
}

/**
 * Reads and mends rows by their records. A row counts while it says what its newest record says, and names it (docs/adr/0043). One
 * that is the state before that, or that is missing, is written from the record, which carries the whole state. One that says
 * anything else was written by somebody else: it is reported and counts for nothing.
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

  /** What the newest record carries of this thing, and whether it is what the record says stands. */
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
   * How a row stands to the newest record about its thing: it says the same; the thing has ended and there is to be no row; it is to be
   * written; or somebody else wrote it.
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
    // What an end left cannot be read any more: it has ended all the same.
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
      // A row that is not the one that was ended is reported, and goes as well.
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
      // What was read may be of two moments: under the lock it is of one.
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
        if (!isCodedError(error, 'authority_unproven')) throw error;
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
  /** @param by the record that its row names */
  | { readonly is: 'to-be-removed'; readonly by: RecordId };

const same = { is: 'same' } as const;
const gone = { is: 'gone' } as const;
const foreign = { is: 'foreign' } as const;

function carriedIn({ data }: EvidenceRecord) {
  return (data ?? {}) as { readonly thing?: string; readonly after?: Json; readonly previous?: RecordId };
}
