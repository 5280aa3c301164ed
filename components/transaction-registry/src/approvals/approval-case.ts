import type { DirectorySnapshot, Principal } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { StoredApproval } from '../store/approvals.ts';
import type { StoredTransaction, StoredTransition } from '../store/store.ts';
import type { AccountStanding } from './account.ts';
import type { ApprovalClaims, SignedItem } from './approval-claims.ts';

/** Everything the rules look at. The signature has been verified: claims and item are the approver's own. */
export interface ApprovalCase {
  readonly claims: ApprovalClaims;
  /** What was signed of this transaction. */
  readonly item: SignedItem;
  readonly approver: Principal;
  /** Now, whenever they signed. */
  readonly account: AccountStanding;
  /** Of who began the transaction, or took it on, and of the others who have approved it. */
  readonly isIndependent: boolean;
  readonly transaction: StoredTransaction;
  /** What happened to it before. */
  readonly past: readonly Pick<StoredTransition, 'actor'>[];
  /** Approvals of this transaction given before: expired, withdrawn or not. */
  readonly given: readonly StoredApproval[];
  /** Those of them that stand. */
  readonly standing: readonly StoredApproval[];
  readonly directory: Pick<DirectorySnapshot, 'principal'>;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** One reason for which an approval does not count. @returns undefined when it does not apply */
export type ApprovalRule = (approval: ApprovalCase) => CodedError | undefined;
