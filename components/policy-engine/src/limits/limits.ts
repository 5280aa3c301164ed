import { type Limits, policyErrors } from '@countersign/contracts';
import { compareDecimals, parseDecimal, subtractDecimals, zero } from '@countersign/kernel';
import type { LimitStore } from './store.ts';

/**
 * Amounts counted per key and UTC day.
 *
 * One conditional update decides, so however many orders arrive at once on however many nodes, their sum stays
 * within the limit; a reservation id counts once, so a retried order is not counted twice.
 */
export function createLimits(store: LimitStore): Limits {
  return {
    async reserve({ reservation, key, window, amount, limit }) {
      const wanted = parseDecimal(amount.amount);
      const most = parseDecimal(limit.amount);
      if (wanted === undefined || most === undefined)
        throw new Error('a limit was asked for with an amount that is not a decimal');
      if (amount.ccy !== limit.ccy)
        throw policyErrors.error(
          'limit_currency',
          `The limit is kept in ${limit.ccy}; an amount in ${amount.ccy} cannot be counted against it.`,
        );
      if (compareDecimals(wanted, most) > 0) {
        const used = await store.used(key, window);
        return { outcome: 'exceeded', headroom: subtractDecimals(most, parseDecimal(used) ?? zero) ?? zero };
      }
      const result = await store.reserve({
        reservation,
        key,
        day: window,
        amount: wanted,
        ccy: limit.ccy,
        limit: most,
      });
      if (result === 'reserved') return { outcome: 'reserved' };
      return { outcome: 'exceeded', headroom: subtractDecimals(most, parseDecimal(result.used) ?? zero) ?? zero };
    },
    release: (reservation) => store.release(reservation),
  };
}
