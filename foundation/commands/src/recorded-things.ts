import {
  type AuditAppender,
  type AuditLog,
  type EvidenceRecord,
  type RecordDraft,
  type StandingCheck,
  type StandingReader,
  type StandingRecord,
  standing,
} from '@countersign/contracts';
import { digestOf, type Json, type RecordId } from '@countersign/kernel';
import { transaction } from '@countersign/runtime';
import type pg from 'pg';

/**
 * Things of one kind, whose rows are copies of what their newest records say (docs/adr/0057).
 *
 * `State` is everything in a row that decides something, and nothing else; a row may hold more, such as when it is next looked at.
 */
export interface RecordedKind<Id extends string, State, Row extends State = State> {
  /** In the log a thing is called `<kind>:<id>`. */
  readonly kind: string;
  /** The row, without a lock. */
  find(session: pg.Pool | pg.PoolClient, id: Id): Promise<Row | undefined>;
  /** The row, locked until the transaction ends. */
  lock(session: pg.PoolClient, id: Id): Promise<Row | undefined>;
  /** The record of the change that made the row what it is. */
  recordOf(row: Row): RecordId;
  /** The state as its record carries it: plain JSON, from which {@link stateOf} makes the same again. */
  content(state: State): Json;
  /** @param content what a record of ours carries */
  stateOf(content: Json): State;
  /** Makes the row say this: a new row, or the one that there is. Nothing else writes what decides. */
  put(session: pg.PoolClient, state: State, change: { readonly id: Id; readonly record: RecordId }): Promise<void>;
}

export function thingOf<Id extends string>({ kind }: { readonly kind: string }, id: Id): string {
  return `${kind}:${id}`;
}

export type ThingsLog = AuditAppender & StandingReader & Pick<AuditLog, 'find'>;

/** What a record says of a thing, beside what else is in its data. */
export function carrying(state: Json, previous: RecordId | undefined) {
  return { after: state, ...(previous === undefined ? {} : { previous }) };
}

/** A row is behind its newest record: a process died between the record and the commit. */
export class Behind extends Error {
  constructor() {
    super('a row is behind its newest record');
  }
}

export interface RecordedThings<Id extends string, State, Row extends State = State> {
  /** The thing as it stands; undefined where there is none. @throws CodedError `authority_unproven`, `log_unavailable` */
  find(id: Id): Promise<Row | undefined>;
  /**
   * The same under a lock, within a transaction.
   *
   * @throws {Behind} where the row has to be written first, by {@link settle}
   */
  lock(session: pg.PoolClient, id: Id): Promise<Row | undefined>;
  /** Writes what the newest record says, where the row does not say it yet. */
  settle(id: Id): Promise<void>;
  /** What the record of a change says stands from then on. */
  saying(id: Id, state: State): NonNullable<RecordDraft['standing']>[number];
}

/**
 * Reads and mends rows by their records. A row counts while it says what its newest record says (docs/adr/0043). One that is the
 * state before that, or that is missing, is written from the record, which carries the whole state. One that says anything else
 * was written by somebody else: it is reported and counts for nothing.
 */
export function createRecordedThings<Id extends string, State, Row extends State>(
  kind: RecordedKind<Id, State, Row>,
  { pool, log, check }: { readonly pool: pg.Pool; readonly log: ThingsLog; readonly check: StandingCheck },
): RecordedThings<Id, State, Row> {
  const newestOf = async (id: Id): Promise<StandingRecord | undefined> => {
    const of = thingOf(kind, id);
    return (await log.standings([of])).get(of);
  };
  const claimOf = (id: Id, row: Row) => ({ of: thingOf(kind, id), content: kind.content(row) });

  /** @returns whether the row is what the newest record says */
  async function agrees(row: Row | undefined, newest: StandingRecord | undefined): Promise<boolean> {
    if (row === undefined) return newest === undefined;
    if (newest === undefined) return false;
    const said = digestOf(kind.content(row));
    if (newest.digest !== undefined) return newest.digest === said;
    // An end has no digest: what the row must say is in the record.
    const carried = kind.recordOf(row) === newest.record ? await carriedBy(newest) : undefined;
    return carried !== undefined && digestOf(carried.after) === said;
  }

  async function carriedBy({ record }: StandingRecord) {
    const found = await log.find(record);
    return found && carriedIn(found.record);
  }

  /** What to write, where the row is what it was before the newest record, or is not there. */
  async function missing(row: Row | undefined, newest: StandingRecord | undefined): Promise<State | undefined> {
    const carried = newest && (await carriedBy(newest));
    if (carried === undefined) return undefined;
    if (newest?.digest !== undefined && digestOf(carried.after) !== newest.digest) return undefined;
    if (row !== undefined && kind.recordOf(row) !== carried.previous) return undefined;
    return kind.stateOf(carried.after);
  }

  const things: RecordedThings<Id, State, Row> = {
    async find(id) {
      const row = await kind.find(pool, id);
      if (await agrees(row, await newestOf(id))) return row;
      // What was read may be of two moments: under the lock it is of one.
      await things.settle(id);
      return transaction(pool, (session) => things.lock(session, id));
    },
    async lock(session, id) {
      const row = await kind.lock(session, id);
      const newest = await newestOf(id);
      if (await agrees(row, newest)) return row;
      if ((await missing(row, newest)) !== undefined) throw new Behind();
      if (row !== undefined) await check.require(claimOf(id, row));
      return row;
    },
    async settle(id) {
      await transaction(pool, async (session) => {
        const row = await kind.lock(session, id);
        const newest = await newestOf(id);
        if (newest === undefined || (await agrees(row, newest))) return;
        const state = await missing(row, newest);
        if (state !== undefined) await kind.put(session, state, { id, record: newest.record });
      });
    },
    saying: (id, state) => standing(thingOf(kind, id), kind.content(state)),
  };
  return things;
}

function carriedIn({ data }: EvidenceRecord): { readonly after: Json; readonly previous?: RecordId } | undefined {
  const { after, previous } = (data ?? {}) as { readonly after?: Json; readonly previous?: RecordId };
  return after === undefined ? undefined : { after, ...(previous === undefined ? {} : { previous }) };
}
