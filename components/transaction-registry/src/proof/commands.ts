import { carryOut, carryOutAll, type Held, type Keeping, type Recorded, type Steps } from '@countersign/commands';
import { appendOnce, type RecordDraft } from '@countersign/contracts';
import type { Clock, TransactionId } from '@countersign/kernel';
import type { StoredTransaction } from '../store/store.ts';
import type { SaidChange } from './change.ts';
import { nextRecordOf } from './held.ts';
import type { RegistryLog, Store, Unit } from './proven-store.ts';

interface Parts {
  readonly store: Store;
  readonly audit: RegistryLog;
  readonly clock: Clock;
}

/**
 * A command that changes one transaction. Its record carries the change, not the whole state, which grows with each step; whoever looks
 * next writes the rows from it, see `proven-store.ts`. It may record something else first: an exception that tells of a delay.
 */
export type ChangingSteps<Ask, Facts, Found, Next, Answer> = Omit<
  Steps<Unit, Ask, StoredTransaction, Facts, Found, Next, readonly SaidChange[], Answer>,
  // Which record is its own follows from the change before.
  'once'
>;

/** Carries out a command that changes a transaction; see `carryOut`. */
export function change<Ask extends { readonly transaction: TransactionId }, Facts, Found, Next, Answer>(
  steps: ChangingSteps<Ask, Facts, Found, Next, Answer>,
  { store, audit, clock }: Parts,
  ask: Ask,
): Promise<Answer> {
  const keeping: Keeping<Unit, Ask, StoredTransaction, Next, readonly SaidChange[]> = {
    transaction: (_, work) => store.inUnit(work),
    hold: async (unit) => {
      const row = await unit.lock(ask.transaction);
      return [{ ask, row, previous: row?.changedRecordId }];
    },
    async record(unit, { next, said }) {
      let recorded: Recorded | undefined;
      for (const each of said) recorded = await unit.record(ask.transaction, each);
      if (recorded === undefined) throw new Error('a transaction was changed without a record');
      return { next, recorded };
    },
    write: (unit) => unit.write(),
  };
  const once = ({ row }: { readonly row: StoredTransaction | undefined }) => {
    if (row === undefined) throw new Error('a transaction was changed that there is not');
    return nextRecordOf(row);
  };
  return carryOut({ ...steps, once }, keeping, { log: audit, clock }, ask);
}

/**
 * A command that says something once, beside transactions that are locked: that one was opened, an approval, that it was taken back.
 * Its record says everything, under an id that follows from what it is; where a process dies before the row, the row is written when the
 * command is repeated, as the record says.
 */
export type SayingSteps<Ask, Row, Facts, Found, Next, Answer> = Steps<
  Unit,
  Ask,
  Row,
  Facts,
  Found,
  Next,
  Omit<RecordDraft, 'id'>,
  Answer
>;

/** How it is held and stored. */
export interface Sayings<Ask, Row, Next> {
  /** Locks what it is about. */
  hold(unit: Unit, ask: Ask): Promise<Row | undefined>;
  /** Several in the order in which they are locked: that asked where left out. */
  readonly inLockOrder?: (asks: readonly Ask[]) => readonly Ask[];
  /** As it was recorded: now, or before. @throws {Refusal} where something else was recorded */
  recorded(next: Next, recorded: Recorded, held: Held<Ask, Row>): Next;
  put(unit: Unit, next: Next): Promise<void>;
  /** What comes first where the record is there, and is about something else. */
  readonly afterTaken?: (ask: Ask) => Promise<void>;
}

function keepingOf<Ask, Row, Next>(
  sayings: Sayings<Ask, Row, Next>,
  { store, audit }: Parts,
): Keeping<Unit, Ask, Row, Next, Omit<RecordDraft, 'id'>> {
  return {
    transaction: (asks, work) =>
      store.inUnit(work, async () => {
        for (const ask of asks) await sayings.afterTaken?.(ask);
      }),
    async hold(unit, asks) {
      const rows = new Map<Ask, Row | undefined>();
      for (const ask of sayings.inLockOrder?.(asks) ?? asks) rows.set(ask, await sayings.hold(unit, ask));
      return asks.map((ask) => ({ ask, row: rows.get(ask), previous: undefined }));
    },
    async record(_, { held, next, said, id }) {
      const recorded = { record: id, ...(await appendOnce(audit, { ...said, id })) };
      return { next: sayings.recorded(next, recorded, held), recorded };
    },
    write: (unit, { next }) => sayings.put(unit, next),
  };
}

/** Carries out a command that says something once; see `carryOut`. */
export function say<Ask, Row, Facts, Found, Next, Answer>(
  steps: SayingSteps<Ask, Row, Facts, Found, Next, Answer>,
  sayings: Sayings<Ask, Row, Next>,
  parts: Parts,
  ask: Ask,
): Promise<Answer> {
  return carryOut(steps, keepingOf(sayings, parts), { ...parts, log: parts.audit }, ask);
}

/** Says something once about several transactions, all or none; see `carryOutAll`. */
export async function sayAll<Ask, Row, Facts, Found, Next, Answer>(
  steps: SayingSteps<Ask, Row, Facts, Found, Next, Answer>,
  sayings: Sayings<Ask, Row, Next>,
  parts: Parts,
  asks: readonly Ask[],
): Promise<readonly Answer[]> {
  const all = await carryOutAll(steps, keepingOf(sayings, parts), { ...parts, log: parts.audit }, asks);
  return all.map(({ answer }) => answer);
}
