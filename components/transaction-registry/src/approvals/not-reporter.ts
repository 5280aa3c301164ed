import { transactionErrors } from '@countersign/contracts';
import type { ApprovalRule } from './approval-case.ts';

/** Who has carried a transaction on with their own hands checks nobody by approving it afterwards. */
export const notReporter: ApprovalRule = ({ approver, past }) =>
  past.some(({ actor }) => actor === approver.id)
    ? transactionErrors.error('duties_combined', 'Who has carried a transaction on cannot approve it.')
    : undefined;
