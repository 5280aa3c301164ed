import { describe, expect, it } from 'vitest';
import { systemRandom } from './clock.ts';
import { newId, parseId } from './ids.ts';

const at = (now: number) => ({ clock: { now: () => now }, random: systemRandom });

describe('ids', () => {
  it('state their kind and are parsed only by that kind', () => {
    const id = newId('transaction', at(1_763_700_000_000));
    expect(id).toMatch(/^txn_[0-9a-z]{26}$/);
    expect(parseId('transaction', id)).toBe(id);
    expect(parseId('mandate', id)).toBeUndefined();
  });
  it('sort by the millisecond of their creation', () => {
    const ids = [1, 2, 31, 32, 1_763_700_000_000, 1_763_700_000_001].map((now) => newId('record', at(now)));
    expect([...ids].sort()).toEqual(ids);
  });
  it.each([
    [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0], '0000000000000000'],
    [[255, 255, 255, 255, 255, 255, 255, 255, 255, 255], 'zzzzzzzzzzzzzzzz'],
    [[0, 0, 0, 0, 1, 0x80, 0, 0, 0, 0], '00000001g0000000'],
    // 0x0123456789 and 0xabcdef0011, five bits at a time.
    [[0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x00, 0x11], '04hmasw9nf6yy00h'],
  ])('write the random bytes %j as %s', (bytes, written) => {
    const id = newId('record', { clock: { now: () => 0 }, random: { bytes: () => Uint8Array.from(bytes) } });
    expect(id).toBe(`rec_0000000000${written}`);
  });
  it('do not repeat', () => {
    const from = at(1);
    expect(new Set(Array.from({ length: 20_000 }, () => newId('token', from))).size).toBe(20_000);
  });
  it.each([
    undefined,
    1,
    '',
    'txn_',
    'txn_ILOU000000000000000000000u',
    `txn_${'0'.repeat(27)}`,
    `txn_${'0'.repeat(26)}\n`,
  ])('refuses %j', (text) => {
    expect(parseId('transaction', text)).toBeUndefined();
  });
});
