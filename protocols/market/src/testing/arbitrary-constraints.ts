import { addDecimals, compareDecimals, type DecimalString, parseDecimal, zero } from '@countersign/kernel';
import fc from 'fast-check';
import { type Constraints, type MandateUse, parseConstraints } from '../index.ts';
import { broker, clearer, firm } from './example-details.ts';

/** Few values, so that parents, children and uses often coincide at their limits or just beside them. */
export const amounts = ['0.01', '1', '99.5', '100', '101', '250', '1000'];
const windows = [60, 3_600, 86_400, 172_800];
const actions = [
  'order:create',
  'order:cancel',
  'order:read',
  'withdrawal:request',
  'settlement:instruct',
  'collateral:transfer',
  'margin:recall',
  'allocation:propose',
  'policy:propose',
];
const tokens = [{ dti: 'X9J9K872S' }, { dti: '4H95J0R2X' }, { isin: 'US0378331005' }, { ccy: 'EUR' }, { ccy: 'USD' }];
const destinations = ['VAULT-1', 'VAULT-2', 'ANY-OTHER'];
const roles = ['risk', 'supervisor'] as const;

const some = <Value>(values: readonly Value[]) => fc.subarray([...values], { minLength: 1 });
const maybe = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: undefined, freq: 2 });
const amount = fc.constantFrom(...amounts);
const decimal = amount.map((text) => parseDecimal(text) ?? zero);
const clock = fc.constantFrom('00:00', '06:30', '09:00', '12:00', '17:30', '22:00', '23:59');
const anyHours = fc
  .record({
    timeZone: fc.constantFrom('UTC', 'UTC', 'Europe/Berlin', 'Asia/Kolkata'),
    days: some([1, 2, 3, 4, 5, 6, 7]),
    from: clock,
    until: fc.oneof(clock, fc.constant('24:00')),
  })
  .filter(({ from, until }) => from !== until);

/** Two amounts, the smaller one first. */
const ordered = fc
  .tuple(amount, amount)
  .map(([one, other]) => (Number(one) <= Number(other) ? [one, other] : [other, one]));
const anyLimits = fc.uniqueArray(
  fc.record({
    measure: fc.constantFrom('notional', 'quantity'),
    windowSeconds: fc.constantFrom(...windows),
    max: amount,
  }),
  { minLength: 1, maxLength: 4, selector: ({ measure, windowSeconds }) => `${measure} ${windowSeconds}` },
);
const anyAssets = fc.uniqueArray(
  fc.record({ asset: fc.constantFrom(...tokens), limit: ordered, daily: fc.boolean() }),
  { minLength: 1, maxLength: 3, selector: ({ asset }) => JSON.stringify(asset) },
);
const anyApprovals = fc.uniqueArray(
  fc.record({ role: fc.constantFrom(...roles), count: fc.integer({ min: 1, max: 3 }) }),
  {
    minLength: 1,
    maxLength: 2,
    selector: ({ role }) => role,
  },
);

/** Constraints of every kind: fields that do not parse are removed. */
export const anyConstraints: fc.Arbitrary<Constraints> = fc
  .record({
    actions: some(actions),
    productClasses: some(['E', 'ES', 'ESV', 'ESVUFR', 'F', 'FF', 'FC', 'D', 'DB']),
    venues: some(['XNAS', 'XETR', 'XLON']),
    jurisdictions: some(['DE', 'US']),
    accounts: maybe(some(['A', 'B', 'ANY-OTHER'])),
    counterparties: maybe(some([broker, clearer, firm])),
    notionals: ordered,
    ccy: fc.constantFrom('USD', 'USD', 'USD', 'EUR'),
    quantityPerOrder: maybe(amount),
    limits: maybe(anyLimits),
    assets: maybe(anyAssets),
    destinations: maybe(some(destinations)),
    approvals: maybe(anyApprovals),
    hours: maybe(anyHours),
    delegationDepth: fc.integer({ min: 0, max: 8 }),
  })
  .map(({ notionals: [perOrder, perDay], ccy, limits, assets, ...rest }) =>
    parsed({
      ...rest,
      notionalPerOrder: { amount: perOrder, ccy },
      notionalPerDay: { amount: perDay, ccy },
      limits: limits?.map((limit) => (limit.measure === 'notional' ? { ...limit, ccy } : limit)),
      assets: assets?.map(({ asset, limit: [one, other], daily }) => ({
        asset,
        perOrder: one,
        ...(daily ? { perDay: other } : {}),
      })),
    }),
  );

type Draft = Record<string, unknown>;

function parsed(draft: Draft): Constraints {
  const given = Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== undefined));
  const result = parseConstraints(given);
  if (result.ok) return result.value;
  const [, name = '', index] = result.path.split('/');
  const list = given[name];
  if ((name !== 'limits' && name !== 'assets') || !Array.isArray(list) || index === undefined)
    throw new Error(`${result.path} ${result.problem}`);
  const kept = list.filter((_, position) => position !== Number(index));
  return parsed({ ...given, [name]: kept.length === 0 ? undefined : kept });
}

const names = [
  ...['actions', 'productClasses', 'venues', 'jurisdictions', 'accounts', 'counterparties', 'notional'],
  ...['quantityPerOrder', 'limits', 'assets', 'destinations', 'approvals', 'hours', 'delegationDepth'],
];
interface Change {
  readonly other: Constraints;
  readonly kept: readonly string[];
  readonly smaller: boolean;
  readonly twist: 'none' | 'shorter windows' | 'longer windows' | 'no asset limit per day';
}
/** @param least minimum number of constraints to keep */
const changes = (least: number): fc.Arbitrary<Change> =>
  fc.record({
    other: anyConstraints,
    kept: fc.subarray(names, { minLength: least }),
    smaller: fc.boolean(),
    twist: fc.constantFrom('none', 'none', 'none', 'shorter windows', 'longer windows', 'no asset limit per day'),
  });

/** A child near its parent: most constraints equal the parent's or are slightly tighter. */
export function childOf(parent: Constraints, change: Change): Constraints {
  const keeps = (name: string) => change.kept.includes(name);
  const own = Object.fromEntries(Object.entries(parent).filter(([name]) => keeps(name)));
  const others = Object.fromEntries(Object.entries(change.other).filter(([name]) => !keeps(name)));
  const money = keeps('notional') ? parent : change.other;
  const { ccy } = money.notionalPerOrder;
  const draft: Draft = {
    ...others,
    ...own,
    notionalPerOrder: change.smaller && keeps('notional') ? { amount: '0.01', ccy } : money.notionalPerOrder,
    notionalPerDay: money.notionalPerDay,
    delegationDepth: keeps('delegationDepth') ? Math.max(0, parent.delegationDepth - 1) : change.other.delegationDepth,
  };
  return parsed({
    ...draft,
    limits: (keeps('limits') ? parent : change.other).limits?.map((limit) => ({
      ...limit,
      ...(limit.measure === 'notional' ? { ccy } : {}),
      windowSeconds: windowNear(limit.windowSeconds, change.twist),
    })),
    assets: (keeps('assets') ? parent : change.other).assets?.map(({ perDay, ...limit }) =>
      perDay === undefined || change.twist === 'no asset limit per day' ? limit : { ...limit, perDay },
    ),
  });
}

function windowNear(seconds: number, twist: Change['twist']): number {
  const index = windows.indexOf(seconds) + (twist === 'longer windows' ? 1 : twist === 'shorter windows' ? -1 : 0);
  return windows[index] ?? seconds;
}

/** A chain of 2 to 5 mandates in which each is a sub-mandate near its parent. */
export const anyLine: fc.Arbitrary<readonly Constraints[]> = fc
  .tuple(anyConstraints, fc.array(changes(13), { minLength: 1, maxLength: 4 }))
  .map(([root, steps]) => {
    const line = [root];
    let last = root;
    for (const step of steps) {
      last = childOf(last, step);
      line.push(last);
    }
    return line;
  });

export const anyPair = fc
  .tuple(anyConstraints, changes(10))
  .map(([parent, change]) => ({ parent, child: childOf(parent, change) }));

const money = fc.record({ amount: decimal, ccy: fc.constantFrom('USD', 'USD', 'EUR') });

/** Any use, plausible or not. */
export const anyUse = fc
  .record({
    action: fc.constantFrom('order:create', ...actions),
    cfi: maybe(fc.constantFrom('ESVUFR', 'ESXXXX', 'EPXXXX', 'FFXXXX', 'FCXXXX', 'DBXXXX')),
    venue: maybe(fc.constantFrom('XNAS', 'XETR', 'XLON')),
    jurisdiction: maybe(fc.constantFrom('DE', 'US')),
    accounts: maybe(fc.subarray(['A', 'B', 'C'], { minLength: 1, maxLength: 2 })),
    counterparties: maybe(fc.subarray([broker, clearer, firm])),
    notional: maybe(money),
    notionalToday: maybe(money),
    quantity: maybe(decimal),
    asset: maybe(fc.constantFrom(...tokens)),
    assetQuantity: maybe(decimal),
    assetToday: maybe(decimal),
    destination: maybe(fc.constantFrom(...destinations, 'VAULT-3')),
    earlier: maybe(
      fc.array(
        fc.record({
          secondsAgo: fc.constantFrom(0, 59, 60, 3_599, 3_600, 86_399, 86_400, 172_799),
          notional: maybe(money),
          quantity: maybe(decimal),
        }),
        { maxLength: 3 },
      ),
    ),
    approvals: maybe(
      fc.uniqueArray(fc.record({ role: fc.constantFrom(...roles), count: fc.integer({ min: 1, max: 3 }) }), {
        selector: ({ role }) => role,
      }),
    ),
    at: fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2027, 0, 1) }),
  })
  .map((use) => use as unknown as MandateUse);

/**
 * Uses at the limits of constraints and one smallest step above them, for the first actions.
 *
 * @param base facts to keep unchanged
 */
export function edgeUses(constraints: Constraints, base: MandateUse): readonly MandateUse[] {
  const { notionalPerOrder, notionalPerDay, quantityPerOrder, limits = [], assets = [] } = constraints;
  const within: MandateUse = {
    ...base,
    cfi: 'ESVUFR' as NonNullable<MandateUse['cfi']>,
    venue: constraints.venues[0],
    jurisdiction: constraints.jurisdictions[0],
    accounts: constraints.accounts?.slice(0, 1) ?? ['A'],
    counterparties: constraints.counterparties?.slice(0, 1) ?? [],
    destination: constraints.destinations?.[0] ?? 'VAULT-1',
    notional: { amount: parseDecimal('0.01') ?? zero, ccy: notionalPerOrder.ccy },
    notionalToday: undefined,
    quantity: parseDecimal('0.01'),
    asset: undefined,
    assetQuantity: undefined,
    assetToday: undefined,
    earlier: undefined,
    approvals: constraints.approvals ?? [],
  };
  const { ccy } = notionalPerOrder;
  const edges: Partial<MandateUse>[] = [{}];
  for (const amount of aroundOf(notionalPerOrder.amount)) edges.push({ notional: { amount, ccy } });
  for (const amount of aroundOf(notionalPerDay.amount)) edges.push({ notionalToday: { amount, ccy } });
  if (quantityPerOrder !== undefined) for (const quantity of aroundOf(quantityPerOrder)) edges.push({ quantity });
  for (const { measure, windowSeconds, max } of limits)
    for (const amount of aroundOf(max))
      for (const secondsAgo of [windowSeconds - 1, windowSeconds])
        edges.push({
          earlier: [{ secondsAgo, ...(measure === 'quantity' ? { quantity: amount } : { notional: { amount, ccy } }) }],
        });
  for (const { asset, perOrder, perDay } of assets) {
    for (const assetQuantity of aroundOf(perOrder)) edges.push({ asset, assetQuantity, notional: undefined });
    for (const assetToday of aroundOf(perDay ?? perOrder))
      edges.push({ asset, assetQuantity: parseDecimal('0.01'), assetToday, notional: undefined });
  }
  for (const { role } of constraints.approvals ?? [])
    edges.push({ approvals: (constraints.approvals ?? []).filter((each) => each.role !== role) });
  return constraints.actions.slice(0, 3).flatMap((action) => edges.map((edge) => ({ ...within, ...edge, action })));
}

/** The limit, and amounts one hundredth below and above it. */
function aroundOf(limit: DecimalString): readonly DecimalString[] {
  const step = parseDecimal('0.01') ?? zero;
  const below = amounts.map((text) => parseDecimal(text) ?? zero).filter((each) => compareDecimals(each, limit) < 0);
  return [limit, addDecimals(limit, step), ...below.slice(-1)];
}
