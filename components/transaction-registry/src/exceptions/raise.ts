import type { ExceptionCause, RecordDraft } from '@countersign/contracts';
import {
  type Clock,
  type Digest,
  newId,
  type Random,
  type RecordId,
  type TransactionId,
  toInstant,
} from '@countersign/kernel';
import type { ExceptionTimes, TransitionDependencies } from '../attempt.ts';
import type { Change, ChangeDraft } from '../proof/change.ts';
import { change } from '../proof/commands.ts';
import { changeAbout, referencesTo, strategyOf } from '../records.ts';
import type { StoredException, StoredTransaction } from '../store/store.ts';

export interface Raised {
  readonly cause: ExceptionCause;
  readonly event: string;
  readonly reason: string;
  readonly detail: string;
  /** LEI of the institution that must resolve it. */
  readonly owner: string;
  readonly bodyDigest?: Digest;
  readonly references?: readonly (RecordId | undefined)[];
  readonly circumstances?: Partial<RecordDraft>;
}

export interface NewException {
  readonly exception: NonNullable<Change['raised']>;
  readonly said: ChangeDraft;
}

export function newException(
  transaction: StoredTransaction,
  { references = [], circumstances = {}, ...raised }: Raised,
  now: number,
  {
    exceptionTimes,
    ...from
  }: { readonly clock: Clock; readonly random: Random; readonly exceptionTimes?: ExceptionTimes },
): NewException {
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
  const draft: ChangeDraft['draft'] = {
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
    // The text may contain amounts.
    protectedValues: [
      ...strategyOf(exception.owner, { detail: exception.detail }),
      ...strategyOf(circumstances.subject?.institution ?? exception.owner, { body_digest: raised.bodyDigest }),
    ],
  };
  return { exception, said: { draft, change: { raised: exception } } };
}

/** A check of a transaction that has no caller, by a sweep or a departure. */
interface ExceptionCheck {
  readonly transaction: TransactionId;
  /** Called under the lock. @param open the open exceptions @returns undefined if there is nothing to raise */
  readonly look: (transaction: StoredTransaction, open: readonly StoredException[], now: number) => Raised | undefined;
  /** Called after the commit, whether raised now or before; idempotent. */
  readonly after?: (transaction: StoredTransaction, now: number) => Promise<void>;
}

/** Raises an exception if `look` finds one. @returns whether this call raised it */
export function raiseWhereDue(
  asked: ExceptionCheck,
  dependencies: Pick<TransitionDependencies, 'store' | 'audit' | 'clock' | 'random' | 'exceptionTimes'>,
): Promise<boolean> {
  return change<ExceptionCheck, Raised | undefined, Raised, NewException, boolean>(
    {
      facts: async (unit, { ask, row, now }) =>
        row === undefined ? undefined : ask.look(row, await unit.openExceptions(row.id), now),
      // Another node raised it, or its cause is gone.
      done: ({ facts }) => (facts === undefined ? false : undefined),
      async check({ facts }) {
        if (facts === undefined) throw new Error('there is no exception to raise');
        return facts;
      },
      next({ row, found, now }) {
        if (row === undefined) throw new Error('the transaction of an exception does not exist');
        return newException(row, found, now, dependencies);
      },
      before: async () => undefined,
      record: (_, { said }) => [said],
      refused: () => undefined,
      after: async ({ ask, row, now }) => {
        if (row !== undefined) await ask.after?.(row, now);
      },
      release: () => true,
    },
    dependencies,
    asked,
  );
}

const fourHours = 4 * 3600;

function dueAt(cause: ExceptionCause, raisedAt: number, times: ExceptionTimes = {}): number {
  return raisedAt + (times[cause] ?? fourHours) * 1000;
}
