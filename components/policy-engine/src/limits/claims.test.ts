import type { Account, TransactionFacts } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';
import { describe, expect, it } from 'vitest';
import { examples } from '../../../../protocols/market/src/testing/example-details.ts';
import { type LimitDefinition, readLimits } from '../bundle/limit-definitions.ts';
import { readBundleFolder } from '../bundle/read-folder.ts';
import { shippedPolicies } from '../engine.ts';
import { desk, midday } from '../testing/desk.ts';
import { broker, clearer, dealers, firm, type OrderOptions, orderFacts } from '../testing/limits-world.ts';
import { claimsOf } from './claims.ts';

const counted = { counting: { base: 'EUR', rateMaxAgeHours: 96 }, at: midday };
const base = { id: 'limit', measure: 'notional', per: ['trader'], window: 'order', max: '1000', unit: 'EUR' };

function read(...definitions: readonly Json[]): readonly LimitDefinition[] {
  const result = readLimits({ limits: definitions, rates: {} });
  expect(result.problems).toEqual([]);
  return result.definitions;
}
const from = (...definitions: readonly Json[]) => ({
  limits: read(...definitions),
  directory: { ...desk, ...dealers },
  ...counted,
});
const keys = (definition: Readonly<Record<string, Json>>, options: OrderOptions = {}) =>
  claimsOf(orderFacts(options), from({ ...base, ...definition })).map(({ key }) => key);

describe('the keys under which an order counts', () => {
  it.each([
    ['institution', [`institution=${broker}`]],
    ['client', [`client=${firm}`]],
    ['desk', [`desk=${broker}/rates`]],
    ['trader', ['trader=person:tess']],
    ['counterparty', [`counterparty=${broker}`, `counterparty=${clearer}`]],
    ['instrument', ['instrument=US0378331005']],
  ])('are by %s', (dimension, expected) => {
    expect(keys({ per: [dimension] })).toEqual(expected);
  });

  it('are one for each combination, in an order that does not depend on the definition', () => {
    const expected = [
      `trader=person:tess;counterparty=${broker};instrument=US0378331005`,
      `trader=person:tess;counterparty=${clearer};instrument=US0378331005`,
    ];
    expect(keys({ per: ['instrument', 'counterparty', 'trader'] })).toEqual(expected);
    expect(keys({ per: ['trader', 'instrument', 'counterparty'] })).toEqual(expected);
  });

  it('are of the represented firm and of the account holder, once if they are the same', () => {
    const account = (institution: string) => ({
      ...desk,
      ...dealers,
      account: (id: string) => ({ id, institution, type: 'Client' }) as Account,
    });
    const definitions = from({ ...base, per: ['client'] });
    const keysFor = (institution: string) =>
      claimsOf(orderFacts(), { ...definitions, directory: account(institution) }).map(({ key }) => key);
    expect(keysFor(clearer)).toEqual([`client=${firm}`, `client=${clearer}`]);
    expect(keysFor(firm)).toEqual([`client=${firm}`]);
  });

  it('are of the firms that face the order, each once: no custodian, no venue, not the client itself', () => {
    const parties = [
      { role: 'ExecutingBroker', lei: clearer },
      { role: 'ClearingFirm', lei: clearer },
      { role: 'PrimeBroker', lei: firm },
      { role: 'Custodian', lei: broker },
    ];
    expect(keys({ per: ['counterparty'] }, { parties })).toEqual([`counterparty=${clearer}`]);
  });

  it('are empty when the order has no such value', () => {
    expect(keys({ per: ['desk'] }, { initiator: 'person:otto' })).toEqual([]);
    expect(keys({ per: ['counterparty'] }, { parties: [] })).toEqual([]);
  });

  it.each([
    [{ upi: 'QZRBG6ZTKS42', cfi: 'SRCCSP' }, 'QZRBG6ZTKS42'],
    [{ dti: 'X9J9K872S', cfi: 'TTTXXX' }, 'X9J9K872S'],
  ])('identify an instrument by the identifiers it has: %o', (instrument, id) => {
    expect(keys({ per: ['instrument'] }, { instrument })).toEqual([`instrument=${id}`]);
  });

  it('never collide, whatever a desk is called', () => {
    const named = (name: string) => ({
      ...desk,
      principal: (id: string) => {
        const principal = dealers.principal(id);
        return principal === undefined ? undefined : { ...principal, desk: name };
      },
    });
    const limits = read({ ...base, per: ['desk', 'trader'] });
    const keysOf = (name: string) =>
      claimsOf(orderFacts(), { limits, directory: named(name), ...counted }).map(({ key }) => key);
    expect(keysOf('a;trader=person:tom')).toEqual([`desk=${broker}/a%3Btrader%3Dperson:tom;trader=person:tess`]);
    expect(keysOf('a%3B')).not.toEqual(keysOf('a;'));
  });
});

describe('the scope of a limit', () => {
  it.each<[Readonly<Record<string, Json>>, OrderOptions, boolean]>([
    [{ institution: [broker] }, {}, true],
    [{ institution: [firm] }, {}, false],
    [{ desk: [`${broker}/rates`] }, {}, true],
    [{ desk: [`${broker}/rates`] }, { initiator: 'person:otto' }, false],
    [{ trader: ['person:tess', 'person:tom'] }, { initiator: 'person:tom' }, true],
    [{ trader: ['person:tess'] }, { initiator: 'person:tom' }, false],
    [{ product: ['E'] }, {}, true],
    [{ product: ['D', 'S'] }, {}, false],
    [{ agents: true }, { initiator: 'agent:vwap' }, true],
    [{ agents: true }, {}, false],
    [{ agents: false }, {}, true],
    [{ agents: false }, { initiator: 'agent:vwap' }, false],
    [{ trader: ['person:tess'], product: ['D'] }, {}, false],
  ])('%o applies to %o: %s', (only, options, applies) => {
    expect(keys({ only }, options)).toHaveLength(applies ? 1 : 0);
  });
});

describe('other intents', () => {
  it('count nothing unless they ask for quotes', () => {
    const definitions = from(base, { ...base, id: 'quantity', measure: 'quantity', unit: 'unit' });
    const counted = Object.values(examples).filter(({ actions: _a, locations: _l, ...intent }) => {
      const facts = { ...orderFacts(), intentType: intent.type, intent };
      return claimsOf(facts, definitions).length > 0;
    });
    expect(counted.map(({ type }) => type)).toEqual([examples.trade_order.type, examples.rfq.type]);
  });

  it('that ask for quotes count for every firm that is asked', () => {
    const { actions: _a, locations: _l, ...intent } = examples.rfq;
    const facts = { ...orderFacts(), intentType: intent.type, intent };
    const claims = claimsOf(facts, { ...from({ ...base, per: ['counterparty'], measure: 'quantity', unit: 'unit' }) });
    expect(claims.map(({ key }) => key)).toEqual([`counterparty=${broker}`, `counterparty=${clearer}`]);
  });
});

describe('the collateral count', () => {
  const { actions: _actions, locations: _locations, ...collateral } = examples.collateral_transfer;
  const factsOf = (asset: Readonly<Record<string, string>> = { ccy: 'EUR' }): TransactionFacts => ({
    ...orderFacts(),
    state: 'approved',
    intentType: collateral.type,
    intent: { ...collateral, asset, qty: '250000' },
  });
  const ofCollateral = { ...base, id: 'collateral', of: 'collateral', per: ['institution'] };

  it('is its money, within limits of collateral only', () => {
    expect(claimsOf(factsOf(), from(base, ofCollateral))).toMatchObject([
      { limit: 'collateral', key: `institution=${broker}`, amount: '250000', unit: 'EUR' },
    ]);
    expect(claimsOf(orderFacts(), from(base, ofCollateral)).map(({ limit }) => limit)).toEqual(['limit']);
  });

  it('is empty for non-cash collateral: risk approves that', () => {
    expect(claimsOf(factsOf({ isin: 'DE0001102580' }), from(ofCollateral))).toEqual([]);
  });

  it('is refused in a currency without a rate', () => {
    expect(() => claimsOf(factsOf({ ccy: 'NOK' }), from(ofCollateral))).toThrow(
      expect.objectContaining({ code: 'limit_currency' }),
    );
  });

  it.each([
    { measure: 'quantity', unit: 'unit' },
    { per: ['institution', 'counterparty'] },
    { per: ['instrument'] },
    { only: { product: ['D'] } },
  ])('ignores %j', (other) => {
    expect(readLimits({ limits: [{ ...ofCollateral, ...other }], rates: {} }).problems).toHaveLength(1);
  });

  it('is held to a daily limit by the shipped limits', async () => {
    const shipped = await readBundleFolder(shippedPolicies);
    const { definitions } = readLimits(shipped);
    expect(claimsOf(factsOf(), { ...from(), limits: definitions })).toMatchObject([
      {
        limit: 'collateral-day-notional',
        amount: '250000',
        max: '100000000',
        window: { kind: 'rolling', seconds: 86_400 },
      },
    ]);
  });
});
