import {
  addDecimals,
  compareDecimals,
  type DecimalString,
  parseDecimal,
  subtractDecimals,
  zero,
} from '@countersign/kernel';
import { lettersAfter } from '../codes/cfi.ts';
import { type Cfi, type Lei, parseCfi } from '../codes/index.ts';
import { completeLei } from '../codes/lei.ts';
import type { Constraints, Hours } from './constraints.ts';
import { weekOf, withinHours } from './hours.ts';
import { describeMinute, instantAt, minutesPerWeek } from './local-time.ts';
import { isBoundByLimits, type MandateUse, permits } from './permits.ts';

export interface MandateCounterexample {
  readonly constraint: keyof Constraints;
  /** Something concrete, e.g. `venue XLON` or `an order of 5000001 USD`. */
  readonly example: string;
  readonly parentAllows: false;
  /** The refusal in a sentence. */
  readonly sentence: string;
  /**
   * A whole use that `permits` grants for the child and refuses for the parent: proof that the child is wider.
   * Absent in three cases, where the child is refused by rule though no single use shows it: the delegation
   * depth, hours in another time zone of which no difference was found, and limits of a child that may only
   * cancel or read.
   */
  readonly use?: MandateUse;
}

export type NarrowedConstraints =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: 'mandate_wider'; readonly counterexample: MandateCounterexample };

/** What one constraint finds wider: words, and the facts that show it, to be put into an otherwise permitted use. */
interface Wider {
  readonly example: string;
  readonly facts?: Partial<MandateUse>;
  /** Said instead of the usual sentence. */
  readonly because?: string;
}

type Rule = (parent: Constraints, child: Constraints) => Wider | undefined;

/** How each constraint narrows. A constraint added to mandates does not compile until it has its rule here. */
const rules: { readonly [Constraint in keyof Constraints]-?: Rule } = {
  actions: (parent, child) => missingFrom(parent.actions, child.actions, 'the action', (action) => ({ action })),
  productClasses: widerProductClass,
  venues: (parent, child) => missingFrom(parent.venues, child.venues, 'venue', (venue) => ({ venue })),
  jurisdictions: (parent, child) =>
    missingFrom(parent.jurisdictions, child.jurisdictions, 'jurisdiction', (jurisdiction) => ({ jurisdiction })),
  accounts: (parent, child) =>
    missingFrom(parent.accounts, child.accounts ?? [otherAccount(parent.accounts)], 'account', (account) => ({
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
 * Is everything that `child` permits also permitted by `parent`? Both have been parsed. Refused with the first
 * constraint that is wider and an example of what it would let through.
 *
 * Lists are subsets, product classes prefixes, limits at most as large and in the same currency, the depth
 * strictly less. A constraint that the parent has and the child leaves out is wider. Product classes are
 * compared by what they contain: `FF` and `FC` together are all of `F`.
 *
 * Hours are compared minute by minute of the week, when both are on the clocks of one time zone. Hours on the
 * clocks of two zones are refused, even where they happen to lie within each other today: zones move against
 * each other with the season and by decree. The one exception is a parent whose hours are the whole week.
 */
export function narrowConstraints(parent: Constraints, child: Constraints): NarrowedConstraints {
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

/** A use with the given facts that child permits and parent does not: checked, so that no example is a mere claim. */
function witness(
  parent: Constraints,
  child: Constraints,
  facts: Partial<MandateUse> | undefined,
): MandateUse | undefined {
  if (facts === undefined) return undefined;
  const use = { ...usePermittedBy(child), ...facts };
  return permits(child, use).ok && !permits(parent, use).ok ? use : undefined;
}

/** Some use that constraints permit, with every fact known. Limits are shown on an action that they bind. */
function usePermittedBy(constraints: Constraints): MandateUse {
  const { actions, productClasses, venues, jurisdictions, accounts, counterparties, quantityPerOrder, hours } =
    constraints;
  const [venue, jurisdiction, account, counterparty] = [
    venues[0],
    jurisdictions[0],
    accounts?.[0],
    counterparties?.[0],
  ];
  const cfi = cfiOutside(productClasses[0] ?? '', []);
  const openMinute = hours === undefined ? 0 : weekOf(hours).indexOf(true);
  return {
    action: actions.find(isBoundByLimits) ?? actions[0] ?? '',
    accounts: [account ?? 'ANY'],
    counterparties: counterparty === undefined ? [] : [counterparty],
    notional: constraints.notionalPerOrder,
    quantity: quantityPerOrder ?? one,
    at: instantAt(openMinute, hours?.timeZone ?? 'UTC') ?? 0,
    ...(cfi === undefined ? {} : { cfi }),
    ...(venue === undefined ? {} : { venue }),
    ...(jurisdiction === undefined ? {} : { jurisdiction }),
  };
}

const one = parseDecimal('1') ?? zero;

/** A list of the parent's that is absent does not constrain. */
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

/** The account that a child without a list of accounts could use first. */
function otherAccount(accounts: readonly string[] = []): string {
  let account = 'ANY-OTHER';
  for (let number = 2; accounts.includes(account); number++) account = `ANY-OTHER-${number}`;
  return account;
}

/** Likewise a well-formed LEI, assigned to nobody. */
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

/**
 * A CFI that begins with `prefix` and with none of `prefixes`; undefined when together they take up all of
 * them. Only a letter that some prefix continues with needs a closer look, so the search stays small.
 */
function cfiOutside(prefix: string, prefixes: readonly string[]): Cfi | undefined {
  if (prefixes.some((covering) => prefix.startsWith(covering))) return undefined;
  const cfi = parseCfi(prefix);
  if (cfi.ok) return cfi.value;
  const longer = prefixes.filter((inner) => inner.startsWith(prefix));
  for (const letter of lettersAfter(prefix)) {
    const found = cfiOutside(prefix + letter, longer);
    if (found !== undefined) return found;
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
  // Reached with the limits per order in order, and each mandate in one currency.
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

function widerQuantity(
  { quantityPerOrder: limit }: Constraints,
  { quantityPerOrder: asked }: Constraints,
): Wider | undefined {
  if (limit === undefined || (asked !== undefined && compareDecimals(asked, limit) <= 0)) return undefined;
  const quantity = justAbove(limit, asked);
  return { example: `an order for a quantity of ${quantity}`, facts: { quantity } };
}

/** One more than the limit, or what was asked for where that is less. */
function justAbove(limit: DecimalString, asked: DecimalString | undefined): DecimalString {
  const next = addDecimals(limit, one);
  return asked === undefined ? next : lesser(next, asked);
}

function lesser(a: DecimalString, b: DecimalString): DecimalString {
  return compareDecimals(a, b) <= 0 ? a : b;
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

/** The minutes of the week, noons first: an example at noon is easier to think about than one at 00:00. */
const daytimeFirst = Array.from({ length: minutesPerWeek }, (_, minute) => minute).sort(
  (a, b) => Number(b % 1440 === 720) - Number(a % 1440 === 720) || a - b,
);

function otherZone(parent: Hours, child: Hours): Wider {
  const because = `Hours in ${child.timeZone} cannot be shown to stay within hours in ${parent.timeZone}: state them in ${parent.timeZone}.`;
  // A winter's and a summer's week in quarters of an hour: the seasons in which zones differ most.
  for (const monday of [Date.UTC(2024, 0, 8), Date.UTC(2024, 6, 8)]) {
    for (let quarter = 0; quarter < 7 * 24 * 4; quarter++) {
      const at = monday + quarter * 15 * 60_000;
      if (withinHours(child, at) && !withinHours(parent, at))
        return { example: `${new Date(at).toISOString()}, within hours in ${child.timeZone}`, facts: { at }, because };
    }
  }
  return { example: `hours in ${child.timeZone}`, because };
}
