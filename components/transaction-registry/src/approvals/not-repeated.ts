import { transactionErrors } from '@countersign/contracts';
import type { ApprovalRule } from './approval-case.ts';

/** One person counts once, with whichever of their keys; and one signature is used once, also after it has expired. */
export const notRepeated: ApprovalRule = ({ approver, claims, earlier, now }) =>
  earlier.some((given) => given.approver === approver.id && (given.expiresAt > now || given.tokenId === claims.jti))
    ? transactionErrors.error('approval_repeated', 'This person has approved this transaction already.')
    : undefined;
