import { compareDecimals, type DecimalString, subtractDecimals, zero } from '@countersign/kernel';
import type { Lei } from '../codes/index.ts';
import { completeLei } from '../codes/index.ts';
import { cfiOutside } from './cfi-outside.ts';
import type { Constraints, Hours } from './constraints-shape.ts';
import { weekOf, withinHours } from './hours.ts';
import { describeMinute, instantAt, minutesPerWeek } from './local-time.ts';
import type { MandateUse } from './mandate-use.ts';
import { widerApprovals, widerAssets, widerWindowLimits } from './narrow-limits.ts';
import { permits } from './permits.ts';
import { usePermittedBy } from './permitted-use.ts';
import { justAbove, lesser, type Wider } from './wider.ts';

export interface MandateCounterexample {
  readonly constraint: keyof Constraints;
  /** A concrete example, e.g. `venue XLON` or `an order of 5000001 USD`. */
  readonly example: string;
  readonly parentAllows: false;
  readonly sentence: string;
  /**
   * `permits` grants it for the child and refuses it for the parent. Absent where a rule refuses the child without an
   * example.
   */
  readonly use?: MandateUse;
}

export type NarrowedConstraints =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: 'mandate_wider'; readonly counterexample: MandateCounterexample };

type Rule = (parent: Constraints, child: Constraints) => Wider | undefined;

/** How each constraint narrows. A new constraint does not compile without a rule here. */
const rules: { readonly [Constraint in keyof Constraints]-?: Rule } = {
  actions: (parent, child) => missingFrom(parent.actions, child.actions, 'the action', (action) => ({ action })),
  productClasses: widerProductClass,
  venues: (parent, child) => missingFrom(parent.venues, child.venues, 'venue', (venue) => ({ venue })),
  jurisdictions: (parent, child) =>
    missingFrom(parent.jurisdictions, child.jurisdictions, 'jurisdiction', (jurisdiction) => ({ jurisdiction })),
  accounts: (parent, child) =>
    missingFrom(parent.accounts, child.accounts ?? [otherName(parent.accounts)], 'account', (account) => ({
      accounts: [account],
    })),
  counterparties: (parent, child) =>
    missingFrom(
      parent.counterparties,
      child.counterparties ?? otherLei(parent.counterparties),
      'counterparty',
      (lei) => ({
        counterparties: [lei],
      }),
    ),
  notionalPerOrder: widerPerOrder,
  notionalPerDay: widerPerDay,
  quantityPerOrder: widerQuantity,
  limits: widerWindowLimits,
  assets: widerAssets,
  destinations: (parent, child) =>
    missingFrom(
      parent.destinations,
      child.destinations ?? [otherName(parent.destinations)],
      'destination',
      (destination) => ({ destination }),
    ),
  approvals: widerApprovals,
  hours: (parent, child) => widerHours(parent.hours, child.hours),
  delegationDepth: (parent, child) =>
    child.delegationDepth < parent.delegationDepth
      ? undefined
      : {
          example: `a delegation ${child.delegationDepth} deep below this one`,
          because: `The mandate leaves a depth of ${parent.delegationDepth}; one cut from it must leave less, and would leave ${child.delegationDepth}.`,
        },
};

/**
 * Checks that `parent` permits everything that `child` permits; both are parsed. A refusal names the first wider
 * constraint and an example. A child that omits a constraint of its parent is wider, as is an asset list that the
 * parent lacks, because listed assets need no money value.
 *
 * Product classes are compared by what they contain. Hours in different zones are refused, even if they agree today,
 * because offsets change; only a parent that is open all week is an exception.
 */
export function narrowConstraints(parent: Constraints, child: Constraints): NarrowedConstraints {
  // The names of the literal.
  for (const [constraint, rule] of Object.entries(rules) as [keyof Constraints, Rule][]) {
    const wider = rule(parent, child);
    if (wider === undefined) continue;
    const use = witness(parent, child, wider.facts);
    return {
      ok: false,
      code: 'mandate_wider',
      counterexample: {
        constraint,
        example: wider.example,
        parentAllows: false,
        sentence: wider.because ?? `This would permit ${wider.example}; the mandate it is cut from does not.`,
        ...(use === undefined ? {} : { use }),
      },
    };
  }
  return { ok: true };
}

/** Builds a use that the child permits and the parent refuses, and verifies it with `permits`. */
function witness(
  parent: Constraints,
  child: Constraints,
  facts: Partial<MandateUse> | undefined,
): MandateUse | undefined {
  if (facts === undefined) return undefined;
  const use = { ...usePermittedBy(child), ...facts };
  return permits(child, use).ok && !permits(parent, use).ok ? use : undefined;
}

function missingFrom<Value extends string>(
  parent: readonly Value[] | undefined,
  child: readonly Value[],
  name: string,
  facts: (value: Value) => Partial<MandateUse>,
): Wider | undefined {
  if (parent === undefined) return undefined;
  const extra = child.find((value) => !parent.includes(value));
  return extra === undefined ? undefined : { example: `${name} ${extra}`, facts: facts(extra) };
}

/** An example account or destination for a child without such a list. */
function otherName(names: readonly string[] = []): string {
  let name = 'ANY-OTHER';
  for (let number = 2; names.includes(name); number++) name = `ANY-OTHER-${number}`;
  return name;
}

function otherLei(counterparties: readonly Lei[] = []): Lei[] {
  for (let number = 0; number <= counterparties.length; number++) {
    const lei = completeLei(`0000${String(number).padStart(14, '0')}`);
    if (lei !== undefined && !counterparties.includes(lei)) return [lei];
  }
  return [];
}

function widerProductClass(parent: Constraints, child: Constraints): Wider | undefined {
  for (const prefix of child.productClasses) {
    const cfi = cfiOutside(prefix, parent.productClasses);
    if (cfi !== undefined) return { example: `an instrument of class ${prefix}, CFI ${cfi}`, facts: { cfi } };
  }
  return undefined;
}

function widerPerOrder(parent: Constraints, child: Constraints): Wider | undefined {
  const [limit, asked] = [parent.notionalPerOrder, child.notionalPerOrder];
  if (asked.ccy === limit.ccy && compareDecimals(asked.amount, limit.amount) <= 0) return undefined;
  const amount = asked.ccy === limit.ccy ? justAbove(limit.amount, asked.amount) : asked.amount;
  return { example: `an order of ${amount} ${asked.ccy}`, facts: { notional: { amount, ccy: asked.ccy } } };
}

function widerPerDay(parent: Constraints, child: Constraints): Wider | undefined {
  // Here the limits per order are already checked, and each mandate uses one currency.
  const [limit, asked] = [parent.notionalPerDay, child.notionalPerDay];
  if (asked.ccy === limit.ccy && compareDecimals(asked.amount, limit.amount) <= 0) return undefined;
  const total = asked.ccy === limit.ccy ? justAbove(limit.amount, asked.amount) : asked.amount;
  const last = lesser(child.notionalPerOrder.amount, total);
  return {
    example: `orders of ${total} ${asked.ccy} in one day`,
    facts: {
      notional: { amount: last, ccy: asked.ccy },
      notionalToday: { amount: subtractDecimals(total, last) ?? zero, ccy: asked.ccy },
    },
  };
}

function widerQuantity({ quantityPerOrder: limit }: Constraints, child: Constraints): Wider | undefined {
  const asked = maxOfOneOrder(child);
  if (limit === undefined || (asked !== undefined && compareDecimals(asked, limit) <= 0)) return undefined;
  const quantity = justAbove(limit, asked);
  return { example: `an order for a quantity of ${quantity}`, facts: { quantity } };
}

/** A limit over a window also bounds a single order. */
function maxOfOneOrder({ quantityPerOrder, limits = [] }: Constraints): DecimalString | undefined {
  return limits
    .filter(({ measure }) => measure === 'quantity')
    .reduce((least, { max }) => (least === undefined ? max : lesser(least, max)), quantityPerOrder);
}

function widerHours(parent: Hours | undefined, child: Hours | undefined): Wider | undefined {
  if (parent === undefined) return undefined;
  const allowed = weekOf(parent);
  if (!allowed.includes(false)) return undefined;
  if (child !== undefined && child.timeZone !== parent.timeZone) return otherZone(parent, child);
  const asked = child === undefined ? allowed.map(() => true) : weekOf(child);
  const minute = daytimeFirst.find((each) => asked[each] === true && allowed[each] !== true);
  if (minute === undefined) return undefined;
  const at = instantAt(minute, parent.timeZone);
  return { example: describeMinute(minute, parent.timeZone), ...(at === undefined ? {} : { facts: { at } }) };
}

/** The minutes of the week, noons first, because an example at noon is easier to understand. */
const daytimeFirst = Array.from({ length: minutesPerWeek }, (_, minute) => minute).sort(
  (a, b) => Number(b % 1440 === 720) - Number(a % 1440 === 720) || a - b,
);

function otherZone(parent: Hours, child: Hours): Wider {
  const because = `Hours in ${child.timeZone} cannot be shown to stay within hours in ${parent.timeZone}: state them in ${parent.timeZone}.`;
  // One winter and one summer week in steps of 15 minutes, because zones differ most between these seasons.
  for (const monday of [Date.UTC(2024, 0, 8), Date.UTC(2024, 6, 8)]) {
    for (let quarter = 0; quarter < 7 * 24 * 4; quarter++) {
      const at = monday + quarter * 15 * 60_000;
      if (withinHours(child, at) && !withinHours(parent, at))
        return { example: `${new Date(at).toISOString()}, within hours in ${child.timeZone}`, facts: { at }, because };
    }
  }
  return { example: `hours in ${child.timeZone}`, because };
}
