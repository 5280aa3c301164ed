import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { statesOf, unchangedUntil } from './key-states.ts';

const life = 300;
/** Keys in any combination, whatever the clocks of their nodes said. */
const keyRing = fc
  .array(fc.record({ activatesAt: fc.integer({ min: 0, max: 2_000_000 }), replaces: fc.boolean() }), {
    minLength: 1,
    maxLength: 6,
  })
  .map((keys) =>
    keys.map(({ activatesAt, replaces }, index) => ({
      generation: index + 1,
      kid: `key-${index}`,
      activatesAt,
      withdraws: replaces && index > 0 ? `key-${index - 1}` : null,
    })),
  );

describe('the states of the keys of one purpose', () => {
  it('do not change before the announced time, and are then the announced ones (property)', () => {
    const time = fc.integer({ min: -1_000, max: 2_500_000 });
    fc.assert(
      fc.property(keyRing, time, fc.double({ min: 0, max: 1, noNaN: true }), (keys, now, share) => {
        const until = unchangedUntil(keys, now, life);
        expect(until).toBeGreaterThan(now);
        const last = Number.isFinite(until) ? until - 1 : now + 10_000_000;
        const between = now + Math.floor((last - now) * share);
        for (const later of [between, last]) expect(statesOf(keys, later, life)).toEqual(statesOf(keys, now, life));
      }),
      { numRuns: 2_000 },
    );
  });

  it('change at the announced time, when a key starts to sign and when its predecessor ends', () => {
    const keys = [
      { generation: 1, kid: 'old', activatesAt: 0, withdraws: null },
      { generation: 2, kid: 'new', activatesAt: 1_000_000, withdraws: null },
    ];
    const at = (now: number) => ({
      states: [...statesOf(keys, now, life).values()],
      until: unchangedUntil(keys, now, life),
    });
    expect(at(500_000)).toEqual({ states: ['active', 'published'], until: 1_000_000 });
    expect(at(1_000_000)).toEqual({ states: ['retiring', 'active'], until: 1_300_000 });
    expect(at(1_300_000)).toEqual({ states: ['retired', 'active'], until: Number.POSITIVE_INFINITY });
  });
});
