import { describe, expect, it } from 'vitest';
import { limitChangesBetween } from './limit-trial.ts';

const hour = {
  id: 'hour',
  measure: 'notional',
  per: ['trader'],
  max: '20',
  unit: 'EUR',
  window: { rolling_seconds: 3600 },
};
const day = { ...hour, id: 'day' };

describe('the limit changes between two bundles', () => {
  it('are listed by name, with the values before and after', () => {
    const changes = limitChangesBetween(
      { limits: [hour, day], rates: { 'USD/EUR': '1', 'CHF/EUR': '1.1' } },
      {
        limits: [
          { ...hour, max: '2' },
          { ...hour, id: 'week' },
        ],
        rates: { 'USD/EUR': '0.5', 'GBP/EUR': '1.2' },
      },
    );
    expect(changes).toEqual([
      { kind: 'limit', id: 'day', change: 'removed', before: day, tried: 0 },
      { kind: 'limit', id: 'hour', change: 'changed', before: hour, after: { ...hour, max: '2' }, tried: 0 },
      { kind: 'limit', id: 'week', change: 'added', after: { ...hour, id: 'week' } },
      { kind: 'rate', id: 'CHF/EUR', change: 'removed', before: '1.1' },
      { kind: 'rate', id: 'GBP/EUR', change: 'added', after: '1.2' },
      { kind: 'rate', id: 'USD/EUR', change: 'changed', before: '1', after: '0.5' },
    ]);
  });

  it('are empty when only the order differs, in the list or in a limit', () => {
    const turned = Object.fromEntries(Object.entries(hour).toReversed());
    expect(limitChangesBetween({ limits: [hour, day], rates: {} }, { limits: [day, turned], rates: {} })).toEqual([]);
  });

  it.each([
    [
      'how much it allows, who lets an order pass it, and its words',
      { max: '2', overridable_by: 'risk', detail: 'Less.' },
    ],
    ['the order of its keys', { per: ['desk', 'trader'] }],
  ])('can be simulated when only %s differs', (_, change) => {
    const before = { ...hour, per: 'per' in change ? ['trader', 'desk'] : ['trader'] };
    const [changed] = limitChangesBetween(
      { limits: [before], rates: {} },
      { limits: [{ ...before, ...change }], rates: {} },
    );
    expect(changed).toMatchObject({ id: 'hour', change: 'changed', tried: 0 });
  });

  it('are listed up to the size of a report', () => {
    const limits = Array.from({ length: 1_200 }, (_, index) => ({ ...hour, id: `limit-${index}` }));
    expect(limitChangesBetween({ limits: [], rates: {} }, { limits, rates: {} })).toHaveLength(1_000);
  });
});
