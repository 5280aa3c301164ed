import { type Independence, transactionErrors } from '@countersign/contracts';
import type { StoredApproval } from '../store/approvals.ts';
import type { StoredTransaction } from '../store.ts';
import type { ApprovalRule } from './approval-case.ts';

/** Whoever invites somebody to enrol a key may have enrolled one of their own for them: then two words are one person's. */
export const independent: ApprovalRule = ({ isIndependent }) =>
  isIndependent
    ? undefined
    : transactionErrors.error(
        'approval_not_independent',
        'You and who began this, took it on or approved it are not independent: one of you invited the other to enrol a key. ' +
          'Somebody else has to approve it.',
      );

/** Whether an approver is surely somebody else than everybody whose word the transaction rests on beside theirs. */
export function isIndependent(
  approver: string,
  { initiator, carriedBy }: Pick<StoredTransaction, 'initiator' | 'carriedBy'>,
  standing: readonly Pick<StoredApproval, 'approver'>[],
  independence: Independence,
): Promise<boolean> {
  const others = [initiator, ...(carriedBy === null ? [] : [carriedBy]), ...standing.map((given) => given.approver)];
  return independence(
    [...new Set(others)].filter((other) => other !== approver),
    [approver],
  );
}
