import { transactionErrors } from '@countersign/contracts';
import { parseInstant } from '@countersign/kernel';
import type { ApprovalRule } from './approval-case.ts';
import { approvingSteps } from './approving-steps.ts';

/** An approval of what cannot come any more approves nothing; it would only look as if it had. */
export const awaited: ApprovalRule = ({ transaction, now }) => {
  const steps = approvingSteps(transaction);
  if (steps.length === 0)
    return transactionErrors.error(
      'approval_not_awaited',
      `The transaction is ${transaction.state}; nothing that follows now is waiting for an approval.`,
    );
  const { not_after: until } = transaction.detail;
  const over = (parseInstant(until) ?? 0) <= now && steps.every(({ rule }) => rule.inTime === true);
  return over ? transactionErrors.error('intent_expired', `The intent was good until ${until}.`) : undefined;
};
