import { transactionErrors } from '@countersign/contracts';
import type { ApprovalRule } from './approval-case.ts';

/** Four eyes are two pairs; who has taken a transaction over from somebody who left stands in that person's place. */
export const notSelf: ApprovalRule = ({ approver, transaction }) =>
  approver.id === transaction.initiator || approver.id === transaction.carriedBy
    ? transactionErrors.error('approval_self', 'Who began a transaction cannot approve it.')
    : undefined;
