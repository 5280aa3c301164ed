import { transactionErrors } from '@countersign/contracts';
import type { ApprovalRule } from './approval-case.ts';
import type { ApprovalClaims } from './approval-claims.ts';

const longestLifeMs = 3_600_000;
/** How far the approver's clock may be ahead of ours. */
const clockSkewMs = 60_000;

/** Milliseconds since the epoch: what the approver said, and at most an hour after signing. */
export function expiryOf({ iat, exp }: ApprovalClaims): number {
  return Math.min(exp * 1000, iat * 1000 + longestLifeMs);
}

/** An approval is for now. A late one is neither executed nor kept for later. */
export const inTime: ApprovalRule = ({ claims, now }) => {
  if (claims.iat * 1000 > now + clockSkewMs)
    return transactionErrors.error('approval_malformed', 'The approval says it was signed in the future.');
  return expiryOf(claims) <= now
    ? transactionErrors.error('approval_expired', 'The approval has expired: look at the intent and sign again.')
    : undefined;
};
