import { addDecimals, compareDecimals } from '@countersign/kernel';
import { assetKey } from '../codes/index.ts';
import type { Constraints } from './constraints-shape.ts';
import type { MandateUse } from './mandate-use.ts';

export type AssetStanding =
  | { readonly kind: 'open' }
  | { readonly kind: 'bounded' }
  | { readonly kind: 'refused'; readonly detail: string };

/**
 * The list names every asset that may be moved, except money in the mandate's currency, which the notional limits
 * bound.
 *
 * @param quantityNeeded whether an unknown quantity is refused
 */
export function assetStanding(
  { assets, notionalPerOrder }: Constraints,
  { asset, assetQuantity, assetToday }: MandateUse,
  quantityNeeded: boolean,
): AssetStanding {
  if (assets === undefined || asset === undefined || asset.ccy === notionalPerOrder.ccy) return { kind: 'open' };
  const key = assetKey(asset);
  const limit = assets.find((each) => assetKey(each.asset) === key);
  if (limit === undefined) return { kind: 'refused', detail: `The mandate does not allow the asset ${key}.` };
  if (assetQuantity === undefined)
    return quantityNeeded
      ? { kind: 'refused', detail: `The mandate limits how much of ${key} may be moved, and it is not known here.` }
      : { kind: 'open' };
  if (compareDecimals(assetQuantity, limit.perOrder) > 0)
    return { kind: 'refused', detail: `${assetQuantity} of ${key} is above the limit of ${limit.perOrder}.` };
  if (limit.perDay !== undefined) {
    const total = assetToday === undefined ? assetQuantity : addDecimals(assetToday, assetQuantity);
    if (compareDecimals(total, limit.perDay) > 0)
      return {
        kind: 'refused',
        detail: `With it the day's total would be ${total} of ${key}, above the limit of ${limit.perDay}.`,
      };
  }
  return { kind: 'bounded' };
}
