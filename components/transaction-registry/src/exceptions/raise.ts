import type { ExceptionCause, RecordDraft } from '@countersign/contracts';
import { type Clock, type Digest, newId, type Random, type RecordId, toInstant } from '@countersign/kernel';
import type { Unit } from '../proof/proven-store.ts';
import { changeAbout, referencesTo, strategyOf } from '../records.ts';
import type { StoredException, StoredTransaction } from '../store.ts';
import { dueAt, type ExceptionTimes } from './due.ts';

export interface RaiseDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly exceptionTimes?: ExceptionTimes;
}

/** What a person must look at. */
export interface Raised {
  readonly cause: ExceptionCause;
  readonly event: string;
  readonly reason: string;
  readonly detail: string;
  /** LEI of the institution that has to deal with it. */
  readonly owner: string;
  readonly bodyDigest?: Digest;
  /** What it rests on, beside the transaction's last step. */
  readonly references?: readonly (RecordId | undefined)[];
  /** Who asked for what could not be done. */
  readonly circumstances?: Partial<RecordDraft>;
}

/** Raises an exception of a transaction that is locked: recorded, then written down. */
export async function raiseException(
  transaction: StoredTransaction,
  { references = [], circumstances = {}, ...raised }: Raised,
  unit: Pick<Unit, 'change'>,
  { exceptionTimes, ...from }: RaiseDependencies,
): Promise<StoredException> {
  const now = from.clock.now();
  const exception = {
    id: newId('exception', from),
    cause: raised.cause,
    event: raised.event,
    reason: raised.reason,
    detail: raised.detail,
    status: 'open',
    owner: raised.owner,
    dueAt: toInstant(dueAt(raised.cause, now, exceptionTimes)),
    overdue: false,
    raisedAt: toInstant(now),
    bodyDigest: raised.bodyDigest ?? null,
    raisedVersion: transaction.version,
    raisedBy: circumstances.subject?.id ?? null,
  } as const;
  const draft: Omit<RecordDraft, 'id'> = {
    ...changeAbout(transaction),
    type: 'exception.raised',
    outcome: 'deny',
    reason: raised.reason,
    references: referencesTo(transaction.lastRecordId, ...references),
    ...circumstances,
    data: {
      exception: exception.id,
      cause: exception.cause,
      event: exception.event,
      state: transaction.state,
      reason: exception.reason,
      owner: exception.owner,
      due_at: exception.dueAt,
    },
    // In words, which may hold amounts.
    protectedValues: [
      ...strategyOf(exception.owner, { detail: exception.detail }),
      ...strategyOf(circumstances.subject?.institution ?? exception.owner, { body_digest: raised.bodyDigest }),
    ],
  };
  const recordId = await unit.change(transaction.id, draft, { raised: exception });
  return { ...exception, transaction: transaction.id, recordId };
}
