import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AuthorizationDetail,
  type AuthorizationDetailType,
  authorizationDetailTypes,
  type Constraints,
  intentUse,
  narrowDetails,
  parseAuthorizationDetail,
  parseConstraints,
  permits,
  scopeActionOf,
} from '../index.ts';
import { arbitraryDetail } from '../testing/arbitrary-details.ts';

const seed = 20261121;
const at = Date.UTC(2026, 10, 20, 12);

/** Fields that may shrink. Changing any other field nearly always makes a different intent, which is refused. */
const shrinking = ['max_qty', 'max_notional', 'max_fee', 'not_after', 'quote_expiry'];
const lists = ['locations', 'actions', 'parties', 'counterparties_lei', 'trade_ids', 'lines'];

interface Change {
  readonly other: AuthorizationDetail;
  /** The shrinking fields to copy from the other detail. */
  readonly taken: readonly string[];
  /** Index of one additional field to change. */
  readonly odd: number | undefined;
  /** The lists to shorten by their last item. */
  readonly cut: readonly string[];
}

const changeOf = (type: AuthorizationDetailType): fc.Arbitrary<Change> =>
  fc.record({
    other: arbitraryDetail(type),
    taken: fc.subarray(shrinking, { maxLength: 2 }),
    odd: fc.option(fc.nat({ max: 40 }), { nil: undefined, freq: 2 }),
    cut: fc.subarray(lists),
  });

/** Changes a detail slightly; undefined if the result is not a valid detail. */
function changed(detail: AuthorizationDetail, { other, taken, odd, cut }: Change): AuthorizationDetail | undefined {
  const draft: Record<string, unknown> = { ...detail };
  const names = Object.keys(other).filter((name) => name !== 'idempotency_key');
  const picked = odd === undefined ? [] : names.slice(odd % names.length, (odd % names.length) + 1);
  for (const [name, value] of Object.entries(other))
    if ((taken.includes(name) && name in draft) || picked.includes(name)) draft[name] = value;
  for (const name of cut) {
    const list = draft[name];
    if (Array.isArray(list) && list.length > 1) draft[name] = list.slice(0, -1);
  }
  const parsed = parseAuthorizationDetail(draft);
  return parsed.ok ? parsed.value : undefined;
}

const lineOf = (type: AuthorizationDetailType, length: number) =>
  fc
    .tuple(arbitraryDetail(type), fc.array(changeOf(type), { minLength: length, maxLength: length }))
    .map(([root, changes]) => {
      const line = [root];
      for (const change of changes) {
        const next = changed(line[line.length - 1] ?? root, change);
        if (next !== undefined) line.push(next);
      }
      return line;
    });
const anyLine = (length: number) => fc.oneof(...authorizationDetailTypes.map((type) => lineOf(type, length)));

/** A mandate that permits exactly what the intent asks for; undefined if no such mandate exists. */
function tightestFor(detail: AuthorizationDetail): Constraints | undefined {
  const action = scopeActionOf(detail);
  if (action === undefined) return undefined;
  const { cfi, venue, jurisdiction, accounts, counterparties, notional, quantity, asset, assetQuantity, destination } =
    intentUse(detail, { action, at });
  const money = notional ?? { amount: '1', ccy: 'USD' };
  const parsed = parseConstraints({
    actions: [action],
    productClasses: [cfi ?? 'E'],
    venues: [venue ?? 'XNAS'],
    jurisdictions: [jurisdiction],
    notionalPerOrder: money,
    notionalPerDay: money,
    delegationDepth: 0,
    ...(accounts === undefined ? {} : { accounts: [...new Set(accounts)] }),
    ...(counterparties === undefined || counterparties.length === 0 ? {} : { counterparties }),
    ...(quantity === undefined
      ? {}
      : { quantityPerOrder: quantity, limits: [{ measure: 'quantity', windowSeconds: 60, max: quantity }] }),
    ...(asset === undefined || asset.ccy !== undefined ? {} : { assets: [{ asset, perOrder: assetQuantity }] }),
    ...(destination === undefined || destination.length > 64 ? {} : { destinations: [destination] }),
  });
  return parsed.ok ? parsed.value : undefined;
}

describe('authorization details of every type', () => {
  it('are within themselves', () => {
    fc.assert(
      fc.property(arbitraryDetail(), (detail) => {
        expect(narrowDetails([detail], [detail])).toEqual({ ok: true });
      }),
      { numRuns: 200, seed },
    );
  });

  it('request, when narrowed, nothing that a mandate covering the whole would refuse', () => {
    const narrowed = new Map<string, number>();
    fc.assert(
      fc.property(anyLine(1), ([parent, child]) => {
        if (parent === undefined || child === undefined || !narrowDetails([parent], [child]).ok) return;
        const mandate = tightestFor(parent);
        const action = scopeActionOf(parent);
        if (mandate === undefined || action === undefined) return;
        if (!permits(mandate, intentUse(parent, { action, at })).ok) return;
        // Removing all counterparties does not satisfy a mandate's list of institutions: omitting them is not a smaller use.
        const facing = (detail: typeof child) => intentUse(detail, { action, at }).counterparties?.length ?? 0;
        if (facing(parent) > 0 && facing(child) === 0) return;
        narrowed.set(parent.type, (narrowed.get(parent.type) ?? 0) + 1);
        expect(permits(mandate, intentUse(child, { action, at }))).toEqual({ ok: true });
      }),
      { numRuns: 800, seed },
    );
    const reached = ['trade_order', 'rfq', 'allocation', 'settlement_instruction', 'withdrawal', 'collateral_transfer'];
    for (const name of reached) expect(narrowed.get(`urn:countersign:rar:v1:${name}`) ?? 0, name).toBeGreaterThan(5);
  });

  it('show both values with every refusal, and are no longer refused for a field once it equals the parent’s', () => {
    let refused = 0;
    fc.assert(
      fc.property(anyLine(1), ([parent, child]) => {
        if (parent === undefined || child === undefined) return;
        const result = narrowDetails([parent], [child]);
        if (result.ok) return;
        refused++;
        const { path, ...shown } = result.counterexample;
        const name = path.replace('/0/', '');
        const held: Record<string, unknown> = { ...parent };
        const asked: Record<string, unknown> = { ...child };
        expect(shown).toMatchObject({ parent: held[name] ?? null, child: asked[name] ?? null });
        const { [name]: _wider, ...rest } = asked;
        const mended = { ...rest, ...(name in held ? { [name]: held[name] } : {}) } as AuthorizationDetail;
        const again = narrowDetails([parent], [mended]);
        if (!again.ok) expect(again.counterexample.path).not.toBe(path);
      }),
      { numRuns: 500, seed },
    );
    expect(refused).toBeGreaterThan(200);
  });

  it('stay within the first of a chain, however often they are narrowed', () => {
    const reached = new Map<number, number>();
    fc.assert(
      fc.property(anyLine(4), (line) => {
        const [root] = line;
        if (root === undefined) return;
        let last = root;
        let depth = 0;
        for (const next of line.slice(1)) {
          if (!narrowDetails([last], [next]).ok) break;
          last = next;
          depth++;
          expect(narrowDetails([root], [next])).toEqual({ ok: true });
        }
        reached.set(depth, (reached.get(depth) ?? 0) + 1);
      }),
      { numRuns: 500, seed },
    );
    for (const depth of [1, 2, 3, 4]) expect(reached.get(depth) ?? 0, `lines of ${depth}`).toBeGreaterThan(0);
  });
});
