import type { EvidenceRecord, RecordDraft, TransactionException } from '@countersign/contracts';
import {
  type ApprovalId,
  defined,
  type ExceptionId,
  type Json,
  type MandateId,
  type RecordId,
  type TransactionId,
} from '@countersign/kernel';
import type { LifeAfter, StoredException, StoredTransaction, StoredTransition } from '../store/store.ts';
import type { TradeUse, TradeUseKind } from '../store/trades.ts';
import type { Held } from './held.ts';

/** A step as its record tells it; the body is a member of its own there. */
export type RecordedStep = Omit<StoredTransition, 'transaction' | 'recordId' | 'body'>;

/**
 * What a record changes about its transaction. It is part of the record (`data.change`), and written to the tables when that is
 * durable: where a process dies in between, whoever looks next writes it from the record. So a command has one record,
 * however often it is interrupted and repeated.
 */
export interface Change {
  readonly step?: RecordedStep;
  /** With a step. */
  readonly after?: LifeAfter;
  /** Approvals that cannot be taken back from this step on. */
  readonly used?: readonly ApprovalId[];
  /** What it takes of trades, beside what it has taken before. */
  readonly takes?: { readonly kind: TradeUseKind; readonly uses: readonly TradeUse[] };
  /** Instructions that are good for this transaction alone. */
  readonly instructions?: readonly MandateId[];
  readonly raised?: Omit<StoredException, 'transaction' | 'recordId'>;
  readonly resolved?: {
    readonly exception: ExceptionId;
    readonly resolution: Omit<NonNullable<TransactionException['resolution']>, 'recordId'>;
  };
  /** The mandate that takes the place of a lapsed one. */
  readonly mandate?: StoredTransaction['mandate'];
  /** Who takes the transaction on. */
  readonly carriedBy?: string;
  /** Somebody is waited for again, until then; milliseconds since the epoch. */
  readonly awaitedUntil?: number;
}

/** What a record says of a transaction, with the change that it carries. */
export interface SaidChange {
  readonly draft: Omit<RecordDraft, 'id'>;
  readonly change: Change;
  /** Of the step, where there is one. */
  readonly body?: DurableChange['body'];
}

/** A change whose record is durable. */
export interface DurableChange {
  readonly change: Change;
  readonly recordId: RecordId;
  /** Of the step, where there is one. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** What a transaction is like after a change. */
export function changed(held: Held, { change, recordId, body }: DurableChange): Held {
  const { step, after, takes, raised, resolved } = change;
  const before = held.transaction;
  const transaction: StoredTransaction = {
    ...before,
    ...(step === undefined
      ? {}
      : { state: step.state, version: step.version, lastRecordId: recordId, overdueVersion: null }),
    ...(after === undefined
      ? {}
      : {
          awaitedUntil: after.awaitedUntil,
          destinationDigest: after.destinationDigest,
          parties: [...new Set([...before.parties, ...after.parties])].sort(),
          approvalsAwaited: after.awaits?.keys ?? null,
        }),
    ...defined({ mandate: change.mandate, carriedBy: change.carriedBy }),
    ...(change.awaitedUntil === undefined ? {} : { awaitedUntil: change.awaitedUntil, overdueVersion: null }),
    changedRecordId: recordId,
  };
  return {
    transaction,
    steps: step === undefined ? held.steps : [...held.steps, stepOf(transaction.id, step, recordId, body)],
    exceptions: [
      ...held.exceptions.map(
        (exception): StoredException =>
          exception.id === resolved?.exception
            ? { ...exception, status: 'resolved', resolution: { ...resolved.resolution, recordId } }
            : exception,
      ),
      ...(raised === undefined ? [] : [{ ...raised, transaction: transaction.id, recordId }]),
    ],
    uses: [
      ...held.uses,
      ...(takes?.uses ?? [])
        .filter(({ trade }) => !held.uses.some((use) => use.trade === trade))
        .map((use) => ({ ...use, kind: takes?.kind ?? 'settlement' })),
    ],
  };
}

/** As the table has it. */
export function stepOf(
  transaction: TransactionId,
  step: RecordedStep,
  recordId: RecordId,
  body: Readonly<Record<string, unknown>>,
): StoredTransition {
  return { ...step, transaction, recordId, body };
}

/** As the record tells it. */
export function changeJson(change: Change): Json {
  return JSON.parse(JSON.stringify(change)) as Json;
}

/** What a record changes about a transaction; undefined where it changes nothing of this one, or what it changes is not told. */
export function changeIn(record: EvidenceRecord, transaction: TransactionId): DurableChange | undefined {
  const data = record.data as { readonly change?: Change; readonly body?: DurableChange['body'] } | undefined;
  if (record.source !== 'transaction-registry' || record.transaction !== transaction || data?.change === undefined)
    return undefined;
  // Written by this component, and proven by the digest that the record has of what comes out of it.
  return { change: data.change, recordId: record.id, body: data.body ?? {} };
}
