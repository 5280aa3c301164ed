import { transactionErrors } from '@countersign/contracts';
import type { ApprovalRule } from './approval-case.ts';

/** Who wrote or certified an algorithm answers for it, and does not also release its orders (RTS 6 Articles 5 and 9). */
export const notCertifier: ApprovalRule = ({ approver, transaction, directory }) => {
  const initiator = directory.principal(transaction.initiator);
  if (initiator?.kind !== 'agent') return undefined;
  const { certifiedBy, developedBy } = initiator.model;
  return approver.id === certifiedBy || approver.id === developedBy
    ? transactionErrors.error(
        'duties_combined',
        'Who developed or certified the algorithm that began a transaction cannot approve it.',
      )
    : undefined;
};
