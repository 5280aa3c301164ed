import { describe, expect, it } from 'vitest';
import { parseInstant, systemRandom, toInstant } from './clock.ts';

describe('instants', () => {
  it.each([
    '2026-02-30T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-10T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T23:59:60Z',
    '2026-01-01T00:00:00',
    '2026-01-01',
    '2026-01-01T00:00:00+24:00',
    '2026-01-01t00:00:00z',
    ' 2026-01-01T00:00:00Z',
  ])('refuses %s', (text) => {
    expect(parseInstant(text)).toBeUndefined();
  });
  it('reads zones and fractions, and its own output', () => {
    expect(parseInstant('2026-11-21T10:30:00+01:00')).toBe(Date.UTC(2026, 10, 21, 9, 30));
    expect(parseInstant('2024-02-29T00:00:00.123456789Z')).toBe(Date.UTC(2024, 1, 29, 0, 0, 0, 123));
    expect(toInstant(parseInstant('2026-11-21T09:30:00Z') ?? 0)).toBe('2026-11-21T09:30:00.000Z');
  });
});

describe('randomness', () => {
  it('returns the requested number of bytes, never the same twice', () => {
    const draws = Array.from({ length: 2_000 }, (_, index) =>
      Buffer.from(systemRandom.bytes(16 + (index % 3))).toString('hex'),
    );
    expect(new Set(draws).size).toBe(draws.length);
    expect(systemRandom.bytes(10_000)).toHaveLength(10_000);
  });
});
