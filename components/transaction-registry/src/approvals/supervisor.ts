import { transactionErrors } from '@countersign/contracts';
import type { ApprovalRule } from './approval-case.ts';

/** The role in which orders are approved; the policies count approvals by it. */
export const approverRole = 'supervisor';

export const supervisor: ApprovalRule = ({ approver }) =>
  approver.roles.includes(approverRole)
    ? undefined
    : transactionErrors.error(
        'approval_role',
        `Approving needs the role ${approverRole}, which this person does not have.`,
      );
