import {
  type LimitClaim,
  type LimitMeasure,
  type LimitWindow,
  type Mandate,
  policyErrors,
} from '@countersign/contracts';
import { toInstant } from '@countersign/kernel';
import { assetKey, intentUse, type MandateUse } from '@countersign/market';
import type { StoredTransaction } from './store/store.ts';

const prefix = 'mandate:';
const perDay = 'mandate_notional_per_day';

interface Taken {
  readonly limit: string;
  readonly measure: LimitMeasure;
  readonly window: LimitWindow;
  readonly unit: string;
  readonly amount: string;
  readonly max: string;
}

/**
 * Trades and movements are counted separately, because a trade and its settlement are the same money.
 *
 * @throws CodedError `limit_currency`
 */
export function mandateLimits(
  { detail }: Pick<StoredTransaction, 'detail'>,
  mandates: readonly Mandate[],
  now: number,
): readonly LimitClaim[] {
  const use = intentUse(detail, { action: 'order:create', at: now });
  const dealing = 'max_notional' in detail;
  const day: LimitWindow = { kind: 'day', day: toInstant(now).slice(0, 10) };
  return mandates.flatMap((mandate) =>
    [
      ...notionalOfDay(mandate, use, day, dealing),
      ...rolling(mandate, use, dealing),
      ...assetOfDay(mandate, use, day),
    ].map((taken) => ({ ...taken, key: `${prefix}${mandate.id}` })),
  );
}

function notionalOfDay(
  { id, constraints }: Mandate,
  use: MandateUse,
  window: LimitWindow,
  dealing: boolean,
): readonly Taken[] {
  const { notional } = use;
  const { notionalPerDay: max } = constraints;
  if (notional === undefined || isKeptByQuantity(constraints, use)) return [];
  if (notional.ccy !== max.ccy) throw otherCurrency(id, max.ccy, notional.ccy);
  const limit = dealing ? perDay : 'mandate_moved_per_day';
  return [{ limit, measure: 'notional', window, unit: max.ccy, amount: notional.amount, max: max.amount }];
}

function rolling({ id, constraints }: Mandate, use: MandateUse, dealing: boolean): readonly Taken[] {
  const { limits = [] } = constraints;
  const { notional, quantity, assetQuantity } = use;
  return limits.flatMap(({ measure, windowSeconds: seconds, ccy, max }): readonly Taken[] => {
    const limit = `mandate_${dealing ? 'dealt' : 'moved'}_PT${seconds}S`;
    const window: LimitWindow = { kind: 'rolling', seconds };
    if (measure === 'quantity') {
      const amount = quantity ?? assetQuantity;
      return amount === undefined ? [] : [{ limit, measure, window, unit: 'units', amount, max }];
    }
    if (notional === undefined || ccy === undefined || isKeptByQuantity(constraints, use)) return [];
    if (notional.ccy !== ccy) throw otherCurrency(id, ccy, notional.ccy);
    return [{ limit, measure, window, unit: ccy, amount: notional.amount, max }];
  });
}

function assetOfDay(
  { constraints: { assets = [] } }: Mandate,
  { asset, assetQuantity: amount }: MandateUse,
  window: LimitWindow,
): readonly Taken[] {
  if (asset === undefined || amount === undefined) return [];
  const unit = assetKey(asset);
  const max = assets.find((limited) => assetKey(limited.asset) === unit)?.perDay;
  return max === undefined ? [] : [{ limit: 'mandate_asset_per_day', measure: 'quantity', window, unit, amount, max }];
}

/** Whether money in a foreign currency is limited by the mandate's asset list instead of its notional. */
function isKeptByQuantity(
  { assets = [], notionalPerDay }: Mandate['constraints'],
  { notional, asset }: MandateUse,
): boolean {
  if (notional === undefined || asset === undefined || notional.ccy === notionalPerDay.ccy) return false;
  return assets.some((limited) => assetKey(limited.asset) === assetKey(asset));
}

function otherCurrency(mandate: string, kept: string, asked: string) {
  return policyErrors.error(
    'limit_currency',
    `The limits of mandate ${mandate} are in ${kept}; an intent in ${asked} cannot be counted against them.`,
  );
}

/** @returns the mandate that a reading belongs to; undefined for limits of policies */
export function mandateOf({ limit, key }: { readonly limit: string; readonly key: string }): string | undefined {
  return limit.startsWith('mandate_') && key.startsWith(prefix) ? key.slice(prefix.length) : undefined;
}

/** Whether a reading is of a mandate's notional per day, which has its own error code. */
export function isNotionalOfDay({ limit }: { readonly limit: string }): boolean {
  return limit === perDay;
}
