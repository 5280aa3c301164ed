import { dealsBeside, transactionErrors } from '@countersign/contracts';
import type { ApprovalRule } from './approval-case.ts';
import { roleOf } from './approver-role.ts';

/** Who deals at the desk that began a transaction does not check that desk in another role of theirs. */
export const notOfDesk: ApprovalRule = (approval) => {
  const { approver, transaction, directory } = approval;
  const role = roleOf(approval);
  const begun = [transaction.initiator, transaction.carriedBy ?? transaction.initiator].map((id) =>
    directory.principal(id),
  );
  return role !== undefined && dealsBeside(approver, role, begun)
    ? transactionErrors.error(
        'duties_combined',
        `A trader of the desk that began a transaction cannot approve it as ${role}: ask somebody of another desk.`,
      )
    : undefined;
};
