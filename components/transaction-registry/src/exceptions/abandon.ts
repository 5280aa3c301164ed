import type { Actor, TransactionEvent, TransactionState } from '@countersign/contracts';
import { digestOf, toInstant } from '@countersign/kernel';
import { isExecuted } from '../attempt.ts';
import { lifeAfter } from '../life-after.ts';
import { lifeCycleOf, stateRuleOf } from '../life-cycles/index.ts';
import type { Change } from '../proof/change.ts';
import type { StoredTransaction } from '../store/store.ts';

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

/** What ends a transaction; what has been recorded with it says why. */
export function endingChange(
  transaction: StoredTransaction,
  { event, state }: Ending,
  about: {
    readonly by: Actor;
    /** With a space in it: no key that a caller can choose. */
    readonly idempotencyKey: string;
    readonly now: number;
  },
): Pick<Change, 'step' | 'after'> {
  return {
    step: {
      event,
      state,
      version: transaction.version + 1,
      recordedAt: toInstant(about.now),
      institution: about.by.institution ?? transaction.initiatorInstitution,
      idempotencyKey: about.idempotencyKey,
      bodyDigest: digestOf({}),
      actor: about.by.id,
    },
    after: lifeAfter(transaction, state, about.now),
  };
}
