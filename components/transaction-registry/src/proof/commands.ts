import { carryOut, carryOutAll, type Held, type Keeping, type Recorded, type Steps } from '@countersign/commands';
import { appendOnce, type RecordDraft } from '@countersign/contracts';
import type { Clock, TransactionId } from '@countersign/kernel';
import type { StoredTransaction } from '../store/store.ts';
import type { ChangeDraft } from './change.ts';
import { nextRecordOf } from './held.ts';
import type { RegistryLog, Store, Unit } from './proven-store.ts';

interface Parts {
  readonly store: Store;
  readonly audit: RegistryLog;
  readonly clock: Clock;
}

/**
 * A command that changes one transaction. Its record carries the change, not the whole state; see `proven-store.ts`.
 */
export type ChangingSteps<Ask, Facts, Found, Next, Answer> = Omit<
  Steps<Unit, Ask, StoredTransaction, Facts, Found, Next, readonly ChangeDraft[], Answer>,
  // The id of its record is derived from the previous change.
  'once'
>;

/** Carries out a command that changes a transaction; see `carryOut`. */
export function change<Ask extends { readonly transaction: TransactionId }, Facts, Found, Next, Answer>(
  steps: ChangingSteps<Ask, Facts, Found, Next, Answer>,
  { store, audit, clock }: Parts,
  ask: Ask,
): Promise<Answer> {
  const keeping: Keeping<Unit, Ask, StoredTransaction, Next, readonly ChangeDraft[]> = {
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
    if (row === undefined) throw new Error('a changed transaction does not exist');
    return nextRecordOf(row);
  };
  return carryOut({ ...steps, once }, keeping, { log: audit, clock }, ask);
}

/**
 * A command with one record beside locked transactions, with an id derived from its subject. A repetition writes a
 * missing row from the record.
 */
export type OneRecordSteps<Ask, Row, Facts, Found, Next, Answer> = Steps<
  Unit,
  Ask,
  Row,
  Facts,
  Found,
  Next,
  Omit<RecordDraft, 'id'>,
  Answer
>;

export interface RecordedSubject<Ask, Row, Next> {
  hold(unit: Unit, ask: Ask): Promise<Row | undefined>;
  /** Sorts several requests into locking order; without it, the given order applies. */
  readonly inLockOrder?: (asks: readonly Ask[]) => readonly Ask[];
  recorded(next: Next, recorded: Recorded, held: Held<Ask, Row>): Next;
  put(unit: Unit, next: Next): Promise<void>;
  readonly afterTaken?: (ask: Ask) => Promise<void>;
}

function keepingOf<Ask, Row, Next>(
  subject: RecordedSubject<Ask, Row, Next>,
  { store, audit }: Parts,
): Keeping<Unit, Ask, Row, Next, Omit<RecordDraft, 'id'>> {
  return {
    transaction: (asks, work) =>
      store.inUnit(work, async () => {
        for (const ask of asks) await subject.afterTaken?.(ask);
      }),
    async hold(unit, asks) {
      const rows = new Map<Ask, Row | undefined>();
      for (const ask of subject.inLockOrder?.(asks) ?? asks) rows.set(ask, await subject.hold(unit, ask));
      return asks.map((ask) => ({ ask, row: rows.get(ask), previous: undefined }));
    },
    async record(_, { held, next, said, id }) {
      const recorded = { record: id, ...(await appendOnce(audit, { ...said, id })) };
      return { next: subject.recorded(next, recorded, held), recorded };
    },
    write: (unit, { next }) => subject.put(unit, next),
  };
}

/** Carries out a command with one record; see `carryOut`. */
export function recordOnce<Ask, Row, Facts, Found, Next, Answer>(
  steps: OneRecordSteps<Ask, Row, Facts, Found, Next, Answer>,
  subject: RecordedSubject<Ask, Row, Next>,
  parts: Parts,
  ask: Ask,
): Promise<Answer> {
  return carryOut(steps, keepingOf(subject, parts), { ...parts, log: parts.audit }, ask);
}

/** Carries out such a command for several transactions, all or none; see `carryOutAll`. */
export async function recordAll<Ask, Row, Facts, Found, Next, Answer>(
  steps: OneRecordSteps<Ask, Row, Facts, Found, Next, Answer>,
  subject: RecordedSubject<Ask, Row, Next>,
  parts: Parts,
  asks: readonly Ask[],
): Promise<readonly Answer[]> {
  const all = await carryOutAll(steps, keepingOf(subject, parts), { ...parts, log: parts.audit }, asks);
  return all.map(({ answer }) => answer);
}
