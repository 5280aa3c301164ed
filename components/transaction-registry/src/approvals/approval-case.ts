import type { DirectorySnapshot, Principal } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { StoredApproval } from '../store/approvals.ts';
import type { StoredTransaction, StoredTransition } from '../store/store.ts';
import type { AccountStanding } from './account.ts';
import type { ApprovalClaims, SignedItem } from './approval-claims.ts';

/** Input of the approval rules. The signature of the claims has been verified. */
export interface ApprovalCase {
  readonly claims: ApprovalClaims;
  readonly item: SignedItem;
  readonly approver: Principal;
  /** At this moment, not when they signed. */
  readonly account: AccountStanding;
  /** Of the initiator, the successor and the other approvers. */
  readonly isIndependent: boolean;
  readonly transaction: StoredTransaction;
  readonly past: readonly Pick<StoredTransition, 'actor'>[];
  /** All earlier approvals, including expired and withdrawn ones. */
  readonly given: readonly StoredApproval[];
  readonly standing: readonly StoredApproval[];
  readonly directory: Pick<DirectorySnapshot, 'principal'>;
  readonly now: number;
}

export type ApprovalRule = (approval: ApprovalCase) => CodedError | undefined;
