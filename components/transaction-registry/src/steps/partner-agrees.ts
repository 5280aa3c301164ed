import { transactionErrors } from '@countersign/contracts';
import { type CodedError, compareDecimals } from '@countersign/kernel';
import type { Attempt } from '../attempt.ts';

/**
 * A partner that names the intent, its state or the amount that moved names what stands here, or the two of us do not
 * speak of the same thing.
 *
 * @returns CodedError `partner_mismatch`, which names the `field`
 */
export function mismatchFault({ body, transaction }: Pick<Attempt, 'body' | 'transaction'>): CodedError | undefined {
  const { intentDigest, state } = body.said;
  if (intentDigest !== undefined && intentDigest !== transaction.intentDigest)
    return differs('intent_digest', 'another intent than the one that was approved here');
  if (state !== undefined && state !== transaction.state)
    return differs('state', `the transaction as ${state}; here it is ${transaction.state}`);
  if (body.kind === 'moved' && 'amount' in transaction.detail) {
    const { amount } = transaction.detail;
    if (compareDecimals(body.amount, amount) !== 0)
      return differs('amount', `an amount of ${body.amount}; here it is ${amount}`);
  }
  return undefined;
}

function differs(field: string, what: string): CodedError {
  return transactionErrors.error('partner_mismatch', `The partner names ${what}.`, { facts: { field } });
}
