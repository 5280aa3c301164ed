import type { Person, TransactionRegistry } from '@countersign/contracts';
import type { TransactionId } from '@countersign/kernel';
import { type ApprovalViewDependencies, approvalView } from './approval-view.ts';
import { type WithdrawDependencies, withdrawApproval } from './approvals/withdraw-approval.ts';
import { type ApproveDependencies, approveBatch, approveTransaction } from './approve.ts';
import { type BeforeApprover, beforeApprover, waitingFor } from './before-approver.ts';
import { type Changes, recordViewing } from './changes.ts';
import { type DeclineDependencies, declineApproval } from './decline.ts';
import { type EnvelopeDependencies, issueEnvelope } from './envelope/issue.ts';

export type ApprovingDependencies = ApproveDependencies &
  ApprovalViewDependencies &
  DeclineDependencies &
  WithdrawDependencies &
  EnvelopeDependencies;

export interface ApproverDesk {
  /** @returns undefined for an unknown transaction, or one that their institution does not approve */
  before(id: TransactionId, person: Person): Promise<BeforeApprover | undefined>;
  /** Stores that the person viewed it. @returns the changes since their last view */
  look(before: BeforeApprover, person: Person): Promise<Changes>;
}

type Approving = Pick<
  TransactionRegistry,
  'approve' | 'approveBatch' | 'decline' | 'waitingFor' | 'withdrawApproval' | 'approvalView' | 'envelope'
>;

export function createApproving(dependencies: ApprovingDependencies): Approving & { readonly desk: ApproverDesk } {
  return {
    approve: (id, approval, shown) => approveTransaction(id, approval, shown, dependencies),
    approveBatch: (approval, shown) => approveBatch(approval, shown, dependencies),
    decline: (id, by, reason) => declineApproval(id, by, reason, dependencies),
    waitingFor: (person, intents) => waitingFor(person, intents, dependencies),
    withdrawApproval: (id, approval, by) => withdrawApproval(id, approval, by, dependencies),
    approvalView: (id, institution) => approvalView(id, institution, dependencies),
    envelope: (id, by) => issueEnvelope(id, by, dependencies),
    desk: {
      before: (id, person) => beforeApprover(id, person, dependencies),
      look: (before, person) => recordViewing(before, person, dependencies),
    },
  };
}
