import type { Principal } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { StoredTransaction } from '../store.ts';
import type { ApprovalClaims } from './approval-jws.ts';

/** Everything the rules look at. The signature has been verified: the claims are the approver's own. */
export interface ApprovalCase {
  readonly claims: ApprovalClaims;
  readonly approver: Principal;
  readonly transaction: StoredTransaction;
  /** Approvals of this transaction given before, expired or not. */
  readonly earlier: readonly { readonly approver: string; readonly tokenId: string; readonly expiresAt: number }[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** One reason for which an approval does not count. @returns undefined when it does not apply */
export type ApprovalRule = (approval: ApprovalCase) => CodedError | undefined;
