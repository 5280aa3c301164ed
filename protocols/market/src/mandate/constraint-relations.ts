import { compareDecimals } from '@countersign/kernel';
import { exactlyOne, parseQuantity } from '../authorization-details/index.ts';
import { assetKey, parseAmount } from '../codes/index.ts';
import type { Problem } from '../shape.ts';
import type { AssetLimit, Constraints, WindowLimit } from './constraints-shape.ts';

export function brokenRelation(constraints: Constraints): Problem | undefined {
  const { limits = [], assets = [], approvals = [] } = constraints;
  return (
    brokenNotional(constraints) ??
    first(limits, '/limits', (limit) => brokenLimit(limit, constraints)) ??
    firstTwice(limits, '/limits', ({ measure, windowSeconds }) => `${measure} ${windowSeconds}`) ??
    first(assets, '/assets', (each) => brokenAsset(each, constraints)) ??
    firstTwice(assets, '/assets', ({ asset }) => assetKey(asset)) ??
    firstTwice(approvals, '/approvals', ({ role }) => role) ??
    brokenHours(constraints)
  );
}

function brokenNotional({ notionalPerOrder, notionalPerDay }: Constraints): Problem | undefined {
  for (const [path, limit] of [
    ['/notionalPerOrder/amount', notionalPerOrder],
    ['/notionalPerDay/amount', notionalPerDay],
  ] as const) {
    const positive = parseQuantity(limit.amount);
    if (!positive.ok) return { path, problem: 'amount_zero', detail: 'A limit is above zero.' };
    const payable = parseAmount(limit.amount, limit.ccy);
    if (!payable.ok) return { path, problem: payable.code, detail: payable.detail };
  }
  if (notionalPerOrder.ccy !== notionalPerDay.ccy)
    return {
      path: '/notionalPerDay/ccy',
      problem: 'limit_currencies',
      detail: 'The limits per order and per day are in one currency.',
    };
  if (compareDecimals(notionalPerOrder.amount, notionalPerDay.amount) > 0)
    return {
      path: '/notionalPerDay/amount',
      problem: 'limit_per_day',
      detail: 'The limit per day is below the limit per order.',
    };
  return undefined;
}

function brokenLimit(limit: WindowLimit, { notionalPerOrder, quantityPerOrder }: Constraints): Problem | undefined {
  if (limit.measure === 'notional' ? limit.ccy !== notionalPerOrder.ccy : limit.ccy !== undefined)
    return {
      path: '/ccy',
      problem: 'limit_currencies',
      detail: 'A limit of the notional is in the currency of the limit per order; one of a quantity is in none.',
    };
  const payable = limit.ccy === undefined ? undefined : parseAmount(limit.max, limit.ccy);
  if (payable?.ok === false) return { path: '/max', problem: payable.code, detail: payable.detail };
  const perOrder = limit.measure === 'notional' ? notionalPerOrder.amount : quantityPerOrder;
  return perOrder !== undefined && compareDecimals(limit.max, perOrder) < 0
    ? { path: '/max', problem: 'limit_window', detail: 'The limit over a window is below the limit per order.' }
    : undefined;
}

function brokenAsset({ asset, perOrder, perDay }: AssetLimit, constraints: Constraints): Problem | undefined {
  const named = exactlyOne(asset, ['isin', 'ccy', 'dti'], '/asset');
  if (named !== undefined) return named;
  if (asset.ccy === constraints.notionalPerOrder.ccy)
    return {
      path: '/asset/ccy',
      problem: 'asset_own_currency',
      detail: 'Money in the currency of the mandate is bounded by the limits of the notional.',
    };
  for (const [path, amount] of [
    ['/perOrder', perOrder],
    ['/perDay', perDay],
  ] as const) {
    const payable = asset.ccy === undefined || amount === undefined ? undefined : parseAmount(amount, asset.ccy);
    if (payable?.ok === false) return { path, problem: payable.code, detail: payable.detail };
  }
  return perDay !== undefined && compareDecimals(perOrder, perDay) > 0
    ? { path: '/perDay', problem: 'limit_per_day', detail: 'The limit per day is below the limit per order.' }
    : undefined;
}

function brokenHours({ hours }: Constraints): Problem | undefined {
  return hours !== undefined && hours.from === hours.until
    ? {
        path: '/hours/until',
        problem: 'hours_empty',
        detail: 'The hours end when they begin. A whole day runs from 00:00 until 24:00.',
      }
    : undefined;
}

function first<Item>(
  items: readonly Item[],
  path: string,
  broken: (item: Item) => Problem | undefined,
): Problem | undefined {
  for (const [index, item] of items.entries()) {
    const problem = broken(item);
    if (problem !== undefined) return { ...problem, path: `${path}/${index}${problem.path}` };
  }
  return undefined;
}

/** A second entry with the same key would make the constraints ambiguous. */
function firstTwice<Item>(items: readonly Item[], path: string, keyOf: (item: Item) => string): Problem | undefined {
  const seen = new Set<string>();
  return first(items, path, (item) => {
    const key = keyOf(item);
    if (!seen.has(key)) {
      seen.add(key);
      return undefined;
    }
    return { path: '', problem: 'named_twice', detail: 'An earlier entry is about the same thing.' };
  });
}
