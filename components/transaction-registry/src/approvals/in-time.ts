import { transactionErrors } from '@countersign/contracts';
import { findClaimFault } from '@countersign/oauth';
import type { ApprovalRule } from './approval-case.ts';
import type { ApprovalClaims } from './approval-claims.ts';

const maxLifetimeSeconds = 3_600;
/** How far the approver's clock may be ahead of ours. */
const clockSkewSeconds = 60;

/** Milliseconds since the epoch: what the approver said, and at most an hour after signing. */
export function expiryOf({ iat, exp }: ApprovalClaims): number {
  return Math.min(exp, iat + maxLifetimeSeconds) * 1000;
}

/** An approval is for now. A late one is neither executed nor kept for later. */
export const inTime: ApprovalRule = ({ claims: { iat, exp }, now }) => {
  const found = findClaimFault(
    { iat, exp },
    {
      nowSeconds: now / 1000,
      required: ['exp', 'iat'],
      skewSeconds: clockSkewSeconds,
      expiresAfterSeconds: maxLifetimeSeconds,
    },
  );
  switch (found?.fault) {
    case undefined:
      return undefined;
    case 'expired':
      return transactionErrors.error(
        'approval_expired',
        'The approval has expired: look at the intent and sign again.',
      );
    default:
      return transactionErrors.error('approval_malformed', 'The approval says it was signed in the future.');
  }
};
