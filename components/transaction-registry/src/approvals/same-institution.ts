import { transactionErrors } from '@countersign/contracts';
import type { ApprovalRule } from './approval-case.ts';

/** The institution whose order it is supervises it; a counterparty's consent is another thing. */
export const sameInstitution: ApprovalRule = ({ approver, transaction }) =>
  approver.institution === transaction.initiatorInstitution
    ? undefined
    : transactionErrors.error(
        'approval_institution',
        'Only a person of the institution that began the transaction can approve it.',
      );
