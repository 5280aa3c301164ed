import { transactionErrors } from '@countersign/contracts';
import type { ApprovalRule } from './approval-case.ts';

/**
 * One person counts once, with whichever of their keys; and one signature is used once, also after it has expired. What
 * was withdrawn comes back by a new signature alone.
 */
export const notRepeated: ApprovalRule = ({ approver, claims, given, now }) => {
  const own = given.filter((approval) => approval.approver === approver.id);
  const same = own.find(({ tokenId }) => tokenId === claims.jti);
  if (same?.withdrawn !== undefined)
    return transactionErrors.error(
      'approval_withdrawn',
      'This approval was withdrawn: look at the intent and sign again.',
    );
  const stands = own.some(({ withdrawn, expiresAt }) => withdrawn === undefined && Date.parse(expiresAt) > now);
  return same !== undefined || stands
    ? transactionErrors.error('approval_repeated', 'This person has approved this transaction already.')
    : undefined;
};
