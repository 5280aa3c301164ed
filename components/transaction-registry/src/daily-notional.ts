import { type Limits, type Mandate, transactionErrors } from '@countersign/contracts';
import { type CodedError, toInstant } from '@countersign/kernel';
import type { OrderTransaction } from './order.ts';
import type { StoredTransaction } from './store.ts';

/** One name for all that is held for a transaction: giving it back needs to know nothing else. */
function reservationOf(transaction: Pick<StoredTransaction, 'id'>): string {
  return `transaction:${transaction.id}`;
}

/**
 * Takes the order's notional out of the day's headroom of every mandate it rests on, all or none. Asking again
 * for the same transaction counts nothing twice.
 *
 * @returns CodedError `notional_per_day` when one of them has not enough left
 */
export async function reserveNotional(
  transaction: OrderTransaction,
  mandates: readonly Mandate[],
  now: number,
  limits: Limits,
): Promise<CodedError | undefined> {
  const amount = transaction.detail.max_notional;
  for (const { id, constraints } of mandates) {
    const limit = constraints.notionalPerDay;
    const result = await limits.reserve({
      reservation: reservationOf(transaction),
      key: `mandate:${id}`,
      window: toInstant(now).slice(0, 10),
      amount,
      limit,
    });
    if (result.outcome === 'reserved') continue;
    await releaseNotional(transaction, limits);
    return transactionErrors.error(
      'notional_per_day',
      `The order of ${amount.amount} ${amount.ccy} is above the ${result.headroom} left today of ${id}'s limit of ${limit.amount}.`,
      { facts: { mandate: id, headroom: result.headroom, ccy: limit.ccy } },
    );
  }
  return undefined;
}

export async function releaseNotional(transaction: Pick<StoredTransaction, 'id'>, limits: Limits): Promise<void> {
  await limits.release(reservationOf(transaction));
}
