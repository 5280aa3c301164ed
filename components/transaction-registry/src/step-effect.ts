import type { TransactionState } from '@countersign/contracts';
import { awaitedByRule } from './approvals/quorum.ts';
import { lifeCycleOf, partiesToAct, stateRuleOf } from './life-cycles/index.ts';
import type { StepEffect, StoredTransaction } from './store/store.ts';

export function stepEffect(
  transaction: Pick<StoredTransaction, 'detail' | 'initiatorInstitution' | 'destinationDigest' | 'parties'>,
  to: TransactionState,
  now: number,
): StepEffect {
  const { final, awaits } = stateRuleOf(lifeCycleOf(transaction.detail), to);
  return {
    ended: final === true,
    awaitedUntil: awaits === undefined ? null : now + awaits.withinSeconds * 1000,
    destinationDigest: transaction.destinationDigest,
    awaits: awaitedByRule({ ...transaction, state: to }),
    parties: partiesToAct(transaction, to).filter((lei) => !transaction.parties.includes(lei)),
  };
}
