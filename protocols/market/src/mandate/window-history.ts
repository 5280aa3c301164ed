import { addDecimals, compareDecimals, type DecimalString, subtractDecimals, zero } from '@countersign/kernel';
import type { Constraints, Hours, WindowLimit } from './constraints-shape.ts';
import { weekOf, withinHours } from './hours.ts';
import { instantAt } from './local-time.ts';
import type { EarlierUse, MandateUse } from './mandate-use.ts';
import { justAbove, lesser } from './wider.ts';
import { usedWithin } from './window-limits.ts';

/** Number of instants tried. It bounds the search for an example, whatever the limits are. */
const maxInstants = 512;
const secondsPerDay = 86_400;

/**
 * The maximum at one instant, and again after the shortest window. @returns undefined if none was found; another may
 * exist
 */
export function busiestHistory(
  constraints: Constraints,
  limit: WindowLimit,
): { readonly total: DecimalString; readonly facts: Partial<MandateUse> } | undefined {
  const at = lastOpenInstant(constraints.hours);
  const own = (constraints.limits ?? []).filter(({ measure }) => measure === limit.measure);
  const step = Math.min(secondsPerDay, ...own.map(({ windowSeconds }) => windowSeconds));
  const wanted = justAbove(limit.max, undefined);
  const uses: EarlierUse[] = [];
  let total: DecimalString = zero;
  for (let instant = 0; instant < maxInstants && instant * step < limit.windowSeconds; instant++) {
    const secondsAgo = instant * step;
    const then = at - secondsAgo * 1000;
    if (constraints.hours !== undefined && !withinHours(constraints.hours, then)) continue;
    const missing = subtractDecimals(wanted, total);
    if (missing === undefined || missing === zero) break;
    const amount = lesser(missing, roomAt(constraints, own, { uses, secondsAgo, at, measure: limit.measure }, missing));
    if (amount === zero) continue;
    total = addDecimals(total, amount);
    uses.push({ secondsAgo, ...measuring(constraints, limit.measure, amount) });
  }
  if (compareDecimals(total, limit.max) <= 0) return undefined;
  return { total, facts: { ...asFacts(constraints, limit.measure, uses, at), at } };
}

/** Just before the hours end, because most earlier uses then lie within the hours. */
function lastOpenInstant(hours: Hours | undefined): number {
  if (hours === undefined) return 0;
  const week = weekOf(hours);
  const last = week.findIndex((open, minute) => open && week[(minute + 1) % week.length] !== true);
  return instantAt(Math.max(last, 0), hours.timeZone) ?? 0;
}

interface Past {
  readonly uses: readonly EarlierUse[];
  readonly secondsAgo: number;
  readonly at: number;
  readonly measure: WindowLimit['measure'];
}

/** The amount that may be used at an instant in addition to the later uses. Windows reach equally far in both directions. */
function roomAt(
  { notionalPerDay }: Constraints,
  own: readonly WindowLimit[],
  { uses, secondsAgo, at, measure }: Past,
  atMost: DecimalString,
): DecimalString {
  let room = atMost;
  for (const limit of own) {
    const later = uses.map((use) => ({ ...use, secondsAgo: secondsAgo - use.secondsAgo }));
    room = lesser(room, subtractDecimals(limit.max, usedWithin(limit, later)) ?? zero);
  }
  if (measure === 'quantity') return room;
  const day = dayOf(at, secondsAgo);
  const onThatDay = sumOf(uses.filter((use) => dayOf(at, use.secondsAgo) === day));
  return lesser(room, subtractDecimals(notionalPerDay.amount, onThatDay) ?? zero);
}

/** The newest use becomes the checked use, up to the limit per order; the rest becomes earlier uses. */
function asFacts(
  constraints: Constraints,
  measure: WindowLimit['measure'],
  [newest, ...before]: readonly EarlierUse[],
  at: number,
): Partial<MandateUse> {
  if (measure === 'quantity') {
    const all = newest?.quantity ?? zero;
    const quantity = lesser(all, constraints.quantityPerOrder ?? all);
    return {
      quantity,
      earlier: [...rest(constraints, measure, subtractDecimals(all, quantity)), ...before],
    };
  }
  const all = newest?.notional?.amount ?? zero;
  const amount = lesser(all, constraints.notionalPerOrder.amount);
  const earlier = [...rest(constraints, measure, subtractDecimals(all, amount)), ...before];
  const { ccy } = constraints.notionalPerOrder;
  const today = sumOf(earlier.filter((use) => dayOf(at, use.secondsAgo) === dayOf(at, 0)));
  return { notional: { amount, ccy }, notionalToday: { amount: today, ccy }, earlier };
}

function rest(
  constraints: Constraints,
  measure: WindowLimit['measure'],
  amount: DecimalString | undefined,
): readonly EarlierUse[] {
  return amount === undefined || amount === zero ? [] : [{ secondsAgo: 0, ...measuring(constraints, measure, amount) }];
}

function measuring(
  { notionalPerOrder: { ccy } }: Constraints,
  measure: WindowLimit['measure'],
  amount: DecimalString,
): Pick<EarlierUse, 'notional' | 'quantity'> {
  return measure === 'quantity' ? { quantity: amount } : { notional: { amount, ccy } };
}

function sumOf(uses: readonly EarlierUse[]): DecimalString {
  return uses.reduce((sum, { notional }) => addDecimals(sum, notional?.amount ?? zero), zero);
}

function dayOf(at: number, secondsAgo: number): number {
  return Math.floor((at / 1000 - secondsAgo) / secondsPerDay);
}
