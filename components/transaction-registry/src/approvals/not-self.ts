import { transactionErrors } from '@countersign/contracts';
import type { ApprovalRule } from './approval-case.ts';

/** Four eyes are two pairs. */
export const notSelf: ApprovalRule = ({ approver, transaction }) =>
  approver.id === transaction.initiator
    ? transactionErrors.error('approval_self', 'Who began a transaction cannot approve it.')
    : undefined;
