import { type LimitClaim, type Mandate, policyErrors } from '@countersign/contracts';
import { toInstant } from '@countersign/kernel';
import type { OrderTransaction } from './order.ts';

const limit = 'mandate_notional_per_day';
const prefix = 'mandate:';

/**
 * What an order counts of the day's notional of every mandate it rests on; days are those of UTC.
 *
 * @throws CodedError `limit_currency` when a mandate is kept in another currency than the order is in
 */
export function dailyNotional(
  { detail }: OrderTransaction,
  mandates: readonly Mandate[],
  now: number,
): readonly LimitClaim[] {
  const { amount, ccy } = detail.max_notional;
  return mandates.map(({ id, constraints: { notionalPerDay: most } }) => {
    if (ccy !== most.ccy)
      throw policyErrors.error(
        'limit_currency',
        `The mandate ${id} is kept in ${most.ccy}; an order in ${ccy} cannot be counted against it.`,
      );
    return {
      limit,
      key: `${prefix}${id}`,
      measure: 'notional',
      window: { kind: 'day', day: toInstant(now).slice(0, 10) },
      unit: most.ccy,
      amount,
      most: most.amount,
    };
  });
}

/** @returns the mandate that a limit is the daily notional of; undefined for the limits of the policies */
export function mandateOf(reading: { readonly limit: string; readonly key: string }): string | undefined {
  return reading.limit === limit && reading.key.startsWith(prefix) ? reading.key.slice(prefix.length) : undefined;
}
