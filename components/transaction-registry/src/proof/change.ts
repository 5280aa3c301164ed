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
import type { StepEffect, StoredException, StoredTransaction, StoredTransition } from '../store/store.ts';
import type { TradeUse, TradeUseKind } from '../store/trades.ts';
import type { Held } from './held.ts';

export type RecordedStep = Omit<StoredTransition, 'transaction' | 'recordId' | 'body'>;

/**
 * The change that a record makes to its transaction. If a process dies before storing it, the next reader writes it
 * from the record.
 */
export interface Change {
  readonly step?: RecordedStep;
  readonly after?: StepEffect;
  /** Approvals that this step relies on; they can no longer be withdrawn. */
  readonly used?: readonly ApprovalId[];
  /** Quantities of trades used by this step, beside earlier ones. */
  readonly takes?: { readonly kind: TradeUseKind; readonly uses: readonly TradeUse[] };
  readonly instructions?: readonly MandateId[];
  readonly raised?: Omit<StoredException, 'transaction' | 'recordId'>;
  readonly resolved?: {
    readonly exception: ExceptionId;
    readonly resolution: Omit<NonNullable<TransactionException['resolution']>, 'recordId'>;
  };
  /** The replacement of a lapsed mandate. */
  readonly mandate?: StoredTransaction['mandate'];
  /** Who takes the transaction over. */
  readonly carriedBy?: string;
  /** New deadline of the awaited event; milliseconds since the epoch. */
  readonly awaitedUntil?: number;
}

export interface ChangeDraft {
  readonly draft: Omit<RecordDraft, 'id'>;
  readonly change: Change;
  readonly body?: DurableChange['body'];
}

export interface DurableChange {
  readonly change: Change;
  readonly recordId: RecordId;
  readonly body: Readonly<Record<string, unknown>>;
}

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

export function stepOf(
  transaction: TransactionId,
  step: RecordedStep,
  recordId: RecordId,
  body: Readonly<Record<string, unknown>>,
): StoredTransition {
  return { ...step, transaction, recordId, body };
}

export function changeJson(change: Change): Json {
  return JSON.parse(JSON.stringify(change));
}

/** The change in a record; undefined if it changes another transaction, or the change is withheld. */
export function changeIn(record: EvidenceRecord, transaction: TransactionId): DurableChange | undefined {
  // A record that this component wrote.
  const data = record.data as { readonly change?: Change; readonly body?: DurableChange['body'] } | undefined;
  if (record.source !== 'transaction-registry' || record.transaction !== transaction || data?.change === undefined)
    return undefined;
  // Written by this component; the digest in the record proves the result.
  return { change: data.change, recordId: record.id, body: data.body ?? {} };
}
