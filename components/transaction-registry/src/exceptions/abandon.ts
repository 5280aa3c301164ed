import type { Actor, TransactionEvent, TransactionState } from '@countersign/contracts';
import { digestOf, toInstant } from '@countersign/kernel';
import { isExecuted } from '../attempt.ts';
import { lifeCycleOf, stateRuleOf } from '../life-cycles/index.ts';
import type { Change } from '../proof/change.ts';
import { stepEffect } from '../step-effect.ts';
import type { StoredTransaction } from '../store/store.ts';

export interface Ending {
  readonly event: TransactionEvent;
  readonly state: TransactionState;
  readonly freesHeadroom: boolean;
}

export function endingOf(transaction: Pick<StoredTransaction, 'detail' | 'state'>): Ending | undefined {
  const cycle = lifeCycleOf(transaction.detail);
  const now = stateRuleOf(cycle, transaction.state);
  if (now.final === true) return undefined;
  const executed = isExecuted(transaction);
  const ending = executed
    ? ({ event: 'fail', state: 'failed' } as const)
    : ({ event: 'cancel', state: 'cancelled' } as const);
  // An executed transaction keeps counting, because nobody reported that it did not happen.
  return { ...ending, freesHeadroom: !executed && now.counts === true };
}

export function endingChange(
  transaction: StoredTransaction,
  { event, state }: Ending,
  about: {
    readonly by: Actor;
    /** Contains a space, so no caller can use the same key. */
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
    after: stepEffect(transaction, state, about.now),
  };
}
