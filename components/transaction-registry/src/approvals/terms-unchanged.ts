import { transactionErrors } from '@countersign/contracts';
import type { ApprovalRule } from './approval-case.ts';

/** What was signed is what was seen: another transaction, or one changed field, and the signature is for something else. */
export const termsUnchanged: ApprovalRule = ({ item, transaction }) =>
  item.txn === transaction.id && item.intentDigest === transaction.intentDigest
    ? undefined
    : transactionErrors.error(
        'approval_terms_changed',
        'What was approved is not the intent of this transaction: look at it again and sign its digest.',
      );
