import type { TransactionRegistry } from '@countersign/contracts';
import { type ApprovalViewDependencies, approvalView } from './approval-view.ts';
import { type ApproveDependencies, approveTransaction } from './approve.ts';
import { approveBatch } from './approve-batch.ts';
import { type EnvelopeDependencies, issueEnvelope } from './envelope/issue.ts';
import { type WithdrawDependencies, withdrawApproval } from './withdraw-approval.ts';

export type ApprovingDependencies = ApproveDependencies &
  ApprovalViewDependencies &
  WithdrawDependencies &
  EnvelopeDependencies;

/** What people sign about transactions, and what is signed about them. */
export function createApproving(
  dependencies: ApprovingDependencies,
): Pick<TransactionRegistry, 'approve' | 'approveBatch' | 'withdrawApproval' | 'approvalView' | 'envelope'> {
  return {
    approve: (id, jws) => approveTransaction(id, jws, dependencies),
    approveBatch: (jws) => approveBatch(jws, dependencies),
    withdrawApproval: (id, approval, by) => withdrawApproval(id, approval, by, dependencies),
    approvalView: (id, institution) => approvalView(id, institution, dependencies),
    envelope: (id, by) => issueEnvelope(id, by, dependencies),
  };
}
