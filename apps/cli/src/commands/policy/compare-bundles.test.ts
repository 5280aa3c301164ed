import { expect, it } from 'vitest';
import { loadBundle } from '../../../../../components/policy-engine/src/bundle/load-bundle.ts';
import { smallBundle } from '../../../../../components/policy-engine/src/testing/small-bundle.ts';
import { type Bundle, compareBundles } from './compare-bundles.ts';

function compared(before: Bundle, after: Bundle) {
  const [left, right] = [before, after].map((bundle) => ({ bundle, policies: loadBundle(bundle).parsed.policies }));
  if (left === undefined || right === undefined) throw new Error('two sides were given');
  return compareBundles(left, right);
}
const small = smallBundle();

it('finds no difference between a bundle and itself, whichever files hold its policies', () => {
  expect(compared(small, small)).toEqual([]);
  const [first, second] = small.policies;
  const joined = [{ file: 'all.cedar', text: `${first?.text}\n${second?.text}` }];
  expect(compared(small, { ...small, policies: joined })).toEqual([]);
});

it('shows a changed policy line by line', () => {
  const [difference, ...others] = compared(small, smallBundle('500.0'));
  expect(others).toEqual([]);
  expect(difference).toMatchObject({ change: 'change', kind: 'forbid', id: 'too-large' });
  expect(difference?.lines.filter(({ kind }) => kind === 'add' || kind === 'remove')).toEqual([
    { kind: 'remove', text: '@detail("No more than 1000.0 at once.")' },
    { kind: 'add', text: '@detail("No more than 500.0 at once.")' },
    { kind: 'remove', text: 'when { resource.notional.greaterThan(decimal("1000.0")) };' },
    { kind: 'add', text: 'when { resource.notional.greaterThan(decimal("500.0")) };' },
  ]);
});

it('names every other addition, removal and change', () => {
  const limit = { id: 'a-day', measure: 'quantity', per: ['trader'], window: 'order', max: '9', unit: 'unit' };
  const country = (id: string) => ({ uid: { type: 'Country', id }, attrs: {}, parents: [] });
  const [tests] = small.tests;
  const after: Bundle = {
    ...small,
    schema: `${small.schema}entity Region;\n`,
    policies: small.policies.slice(0, 1),
    entities: [country('FR')],
    limits: [limit],
    rates: { 'USD/EUR': '1' },
    tests: [
      { file: 'more.json', content: { tests: [{ name: 'nothing is asked' }] } },
      { file: 'orders.json', content: { ...(tests?.content as object), context: {} } },
    ],
  };
  expect(compared(small, after).map(({ change, kind, id, lines }) => [change, kind, id, lines.length > 0])).toEqual([
    ['change', 'schema', 'schema.cedarschema', true],
    ['remove', 'forbid', 'too-large', true],
    ['remove', 'entity', 'Country::"DE"', true],
    ['add', 'entity', 'Country::"FR"', true],
    ['add', 'limit', 'a-day', true],
    ['add', 'rate', 'USD/EUR', true],
    ['add', 'shared', 'tests/more.json', false],
    ['add', 'test', 'tests/more.json  nothing is asked', false],
    ['change', 'shared', 'tests/orders.json', true],
  ]);
});

it('shows every test of the same name', () => {
  const test = (decision: string) => ({
    name: 'a trader creates an order',
    principal: 'Person::"person:anna"',
    action: 'order:create',
    resource: 'Order::"order"',
    expect: { decision },
  });
  const twice = (decision: string): Bundle => ({
    ...small,
    tests: [{ file: 'orders.json', content: { tests: [test(decision), test('permit')] } }],
  });
  expect(compared(twice('permit'), twice('deny'))).toMatchObject([
    { change: 'change', kind: 'test', id: 'tests/orders.json  a trader creates an order' },
  ]);
});
