import { transactionErrors } from '@countersign/contracts';
import type { ApprovalRule } from './approval-case.ts';

/** An approval given after the order has left approves nothing; it would only look as if it had. */
export const awaited: ApprovalRule = ({ transaction }) =>
  transaction.state === 'intended'
    ? undefined
    : transactionErrors.error(
        'approval_not_awaited',
        `The transaction is ${transaction.state}; approvals are taken before it is submitted.`,
      );
