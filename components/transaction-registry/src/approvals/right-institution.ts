import { transactionErrors } from '@countersign/contracts';
import type { ApprovalRule } from './approval-case.ts';
import { approvingSteps } from './approving-steps.ts';
import { wantedByRule } from './wanted.ts';

/**
 * The institution whose intent it is supervises it, and another where a step wants its word. A counterparty's consent
 * is another thing.
 */
export const rightInstitution: ApprovalRule = ({ approver, transaction }) => {
  if (approver.institution === transaction.initiatorInstitution) return undefined;
  const asked = approvingSteps(transaction).some(({ rule }) =>
    wantedByRule(rule, transaction).some(({ institution }) => institution === approver.institution),
  );
  return asked
    ? undefined
    : transactionErrors.error(
        'approval_institution',
        'Only a person of the institution that began the transaction can approve it.',
      );
};
