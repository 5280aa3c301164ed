import { describe, expect, it } from 'vitest';
import { createRowSeal } from './row-seal.ts';

describe('the seal of a row', () => {
  const seals = createRowSeal(Buffer.alloc(32, 1));
  const seal = seals.seal('codes/a', { person: 'person:anna', scope: ['order:read'] });

  it('matches its row and content in any order of members', () => {
    expect(seals.holds('codes/a', { scope: ['order:read'], person: 'person:anna' }, seal)).toBe(true);
  });

  it.each([
    ['another row', () => seals.holds('codes/b', { person: 'person:anna', scope: ['order:read'] }, seal)],
    ['another content', () => seals.holds('codes/a', { person: 'person:ben', scope: ['order:read'] }, seal)],
    ['no seal', () => seals.holds('codes/a', { person: 'person:anna', scope: ['order:read'] }, null)],
    ['half a seal', () => seals.holds('codes/a', { person: 'person:anna', scope: ['order:read'] }, seal.subarray(16))],
    [
      'the seal of another key',
      () => createRowSeal(Buffer.alloc(32, 2)).holds('codes/a', { person: 'person:anna', scope: ['order:read'] }, seal),
    ],
  ])('does not match %s', (_, holds) => {
    expect(holds()).toBe(false);
  });
});
