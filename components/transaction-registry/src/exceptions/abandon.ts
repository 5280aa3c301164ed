import type { Actor, TransactionEvent, TransactionState } from '@countersign/contracts';
import { digestOf, type RecordId } from '@countersign/kernel';
import { isExecuted } from '../attempt.ts';
import { lifeAfter } from '../life-after.ts';
import { lifeCycleOf, stateRuleOf } from '../life-cycles/index.ts';
import type { StoredTransaction, Unit } from '../store.ts';

/** Where an abandoned transaction ends: cancelled, where nothing has been executed; failed afterwards. */
export interface Ending {
  readonly event: TransactionEvent;
  readonly state: TransactionState;
  /** Its amounts count against limits, and do no longer. */
  readonly freesHeadroom: boolean;
}

/** @returns undefined for one that has come to its end already */
export function endingOf(transaction: Pick<StoredTransaction, 'detail' | 'state'>): Ending | undefined {
  const cycle = lifeCycleOf(transaction.detail);
  const now = stateRuleOf(cycle, transaction.state);
  if (now.final === true) return undefined;
  const executed = isExecuted(transaction);
  const ending = executed
    ? ({ event: 'fail', state: 'failed' } as const)
    : ({ event: 'cancel', state: 'cancelled' } as const);
  // Of what was executed nobody has said that it did not happen: giving up on it makes no room for more.
  return { ...ending, freesHeadroom: !executed && now.counts === true };
}

/** Ends a transaction that is locked. What has been recorded before says why. */
export async function endTransaction(
  transaction: StoredTransaction,
  { event, state }: Ending,
  about: {
    readonly by: Actor;
    readonly recordId: RecordId;
    readonly recordedAt: string;
    /** With a space in it: no key that a caller can choose. */
    readonly idempotencyKey: string;
    readonly now: number;
  },
  unit: Pick<Unit, 'putTransition'>,
): Promise<void> {
  const body = {};
  await unit.putTransition(
    {
      transaction: transaction.id,
      event,
      state,
      version: transaction.version + 1,
      recordedAt: about.recordedAt,
      recordId: about.recordId,
      institution: about.by.institution ?? transaction.initiatorInstitution,
      idempotencyKey: about.idempotencyKey,
      bodyDigest: digestOf(body),
      body,
      actor: about.by.id,
    },
    lifeAfter(transaction, state, about.now),
  );
}
