import { addDecimals, compareDecimals, type DecimalString, zero } from '@countersign/kernel';
import type { WindowLimit } from './constraints-shape.ts';
import type { EarlierUse, MandateUse } from './mandate-use.ts';

type Used = Pick<MandateUse, 'notional' | 'quantity'>;

/**
 * An earlier check handles a notional that is unknown or in another currency; an unknown quantity is refused if it is
 * needed.
 */
export function exceededWindow(
  limits: readonly WindowLimit[] | undefined,
  use: MandateUse,
  quantityNeeded: boolean,
): string | undefined {
  for (const limit of limits ?? []) {
    const amount = measured(limit, use);
    if (amount === undefined) {
      if (limit.measure === 'quantity' && quantityNeeded)
        return 'The mandate limits the quantity over time, and it is not known here.';
      continue;
    }
    const total = addDecimals(usedWithin(limit, use.earlier), amount);
    if (compareDecimals(total, limit.max) > 0)
      return `With it ${total} ${limit.ccy ?? 'units'} would be used within ${limit.windowSeconds} seconds, above the limit of ${limit.max}.`;
  }
  return undefined;
}

/** The total of earlier uses within the window. The window reaches back from now and excludes its start instant. */
export function usedWithin(limit: WindowLimit, earlier: readonly EarlierUse[] = []): DecimalString {
  return earlier.reduce(
    (sum, each) => (each.secondsAgo < limit.windowSeconds ? addDecimals(sum, measured(limit, each) ?? zero) : sum),
    zero,
  );
}

function measured({ measure, ccy }: WindowLimit, { notional, quantity }: Used): DecimalString | undefined {
  if (measure === 'quantity') return quantity;
  return notional?.ccy === ccy ? notional?.amount : undefined;
}
