import { describe, expect, it } from 'vitest';
import { createLentKeyRing } from './keeper-client.ts';

/** A key ring with its clock, and a keeper that lends keys that are not destroyed. */
function ringOf(forMs: number) {
  let now = 1_000;
  const destroyed = new Set<string>();
  const asked: (readonly string[])[] = [];
  const ring = createLentKeyRing({
    keeper: {
      async keys(ids) {
        asked.push(ids);
        const keys = new Map(ids.filter((id) => !destroyed.has(id)).map((id) => [id, Buffer.from(id)]));
        return { keys, forMs };
      },
    },
    now: () => now,
  });
  const pass = (ms: number): void => {
    now += ms;
  };
  return { ring, asked, destroyed, pass };
}

describe('keys that are lent', () => {
  it('are requested once within their lifetime', async () => {
    const { ring, asked, pass } = ringOf(300_000);
    await ring.fetch(new Set(['a', 'b']));
    pass(299_999);
    await ring.fetch(new Set(['a', 'b']));
    expect(asked).toEqual([['a', 'b']]);
    pass(1);
    await ring.fetch(new Set(['a']));
    expect(asked).toEqual([['a', 'b'], ['a']]);
    expect(ring.get('b')).toBeUndefined();
  });

  it('expire however busy the thread is: later keys do not renew earlier ones', async () => {
    const { ring, destroyed, pass } = ringOf(300_000);
    await ring.fetch(new Set(['a']));
    destroyed.add('a');
    let opened = 0;
    for (let page = 1; page <= 400; page++) {
      pass(1_000);
      await ring.fetch(new Set(['a', `other ${page}`]));
      if (ring.get('a') !== undefined) opened = page;
    }
    expect(opened).toBe(299);
  });

  it('serve the pending request even with a lifetime of zero', async () => {
    const { ring, asked } = ringOf(0);
    await ring.fetch(new Set(['a']));
    expect(ring.get('a')).toEqual(Buffer.from('a'));
    await ring.fetch(new Set(['a']));
    expect(asked).toHaveLength(2);
  });

  it('are requested in parts, and only as many are kept as there is room for', async () => {
    const { ring, asked } = ringOf(300_000);
    const ids = (from: number) => new Set(Array.from({ length: 4_000 }, (_, n) => `key ${from + n}`));
    for (let from = 0; from < 24_000; from += 4_000) await ring.fetch(ids(from));
    expect(Math.max(...asked.map(({ length }) => length))).toBe(100);
    expect(ring.get('key 0')).toBeUndefined();
    expect(ring.get('key 23999')).toBeDefined();
  });
});
