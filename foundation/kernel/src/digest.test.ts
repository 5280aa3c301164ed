import { describe, expect, it } from 'vitest';
import { decodeBase64, decodeBase64Url, digestOf, equalInConstantTime, parseDigest } from './digest.ts';

describe('strict decoding', () => {
  it.each(['A', 'AB==', 'A B', 'AB+C', 'AA=', 'AB', 'é'])(
    'refuses %s as base64url where bits or characters do not fit',
    (text) => {
      const decoded = decodeBase64Url(text);
      if (decoded !== undefined) expect(decoded.toString('base64url')).toBe(text);
      else expect(decoded).toBeUndefined();
    },
  );
  it('refuses what Node would read: non-zero trailing bits, padding, foreign characters', () => {
    expect(decodeBase64Url('AB')).toBeUndefined();
    expect(decodeBase64Url('AA')).toEqual(Buffer.from([0]));
    expect(decodeBase64Url('AA==')).toBeUndefined();
    expect(decodeBase64('AA==')).toEqual(Buffer.from([0]));
    expect(decodeBase64('AB==')).toBeUndefined();
    expect(decodeBase64('AA')).toBeUndefined();
    expect(decodeBase64('AA==\n')).toBeUndefined();
  });
  it('does not overflow on a very long text', () => {
    expect(decodeBase64('A'.repeat(20_000_000))?.length).toBe(15_000_000);
    expect(decodeBase64Url(`${'A'.repeat(20_000_000)}!`)).toBeUndefined();
  });
});

describe('digests', () => {
  it('are the same for any order of keys, and differ for another value', () => {
    expect(digestOf({ a: 1, b: '2' })).toBe(digestOf({ b: '2', a: 1 }));
    expect(digestOf({ a: 1 })).not.toBe(digestOf({ a: '1' }));
    expect(parseDigest(digestOf({}))).toBeDefined();
    expect(parseDigest('x')).toBeUndefined();
  });
  it('compare equal only when they are', () => {
    expect(equalInConstantTime('abc', 'abc')).toBe(true);
    expect(equalInConstantTime('abc', 'abd')).toBe(false);
    expect(equalInConstantTime('abc', 'abcd')).toBe(false);
  });
});
