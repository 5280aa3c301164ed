import { transactionErrors } from '@countersign/contracts';
import type { ApprovalRule } from './approval-case.ts';

/** Whichever key signs, of the directory's too: a word given while it may not have been theirs does not wait for better days. */
export const settled: ApprovalRule = ({ account }) => {
  switch (account) {
    case 'settled':
      return undefined;
    case 'locked':
      return transactionErrors.error('approval_unsettled', 'The account of this person is locked.');
    case 'unsettled':
      return transactionErrors.error(
        'approval_unsettled',
        'There are signs that somebody else uses the account of this person, or it was recovered a short while ago.',
      );
    default:
      return account satisfies never;
  }
};
