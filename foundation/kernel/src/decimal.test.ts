import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addDecimals,
  compareDecimals,
  type DecimalString,
  multiplyDecimals,
  parseDecimal,
  subtractDecimals,
} from './decimal.ts';

const amounts = fc
  .tuple(fc.bigInt({ min: 0n, max: 10n ** 15n }), fc.integer({ min: 0, max: 999_999 }))
  .map(([whole, millionths]) => {
    const fraction = String(millionths).padStart(6, '0').replace(/0+$/, '');
    return (fraction === '' ? String(whole) : `${whole}.${fraction}`) as DecimalString;
  });

describe('decimal amounts', () => {
  it.each([
    '',
    '-1',
    '+1',
    '01',
    '1.',
    '.5',
    '1.0',
    '1.10',
    '1e9',
    '1,5',
    ' 1',
    '1 ',
    'NaN',
    '0x10',
    '1.1234567890123456789',
    '1'.repeat(22),
  ])('refuses %j', (text) => {
    expect(parseDecimal(text)).toBeUndefined();
  });
  it('has one text for one value', () => {
    expect(['0', '1', '0.1', '123456789.000000000000000001'].map((text) => parseDecimal(text))).not.toContain(
      undefined,
    );
  });
  it('adds and subtracts exactly', () => {
    fc.assert(
      fc.property(amounts, amounts, (a, b) => {
        expect(subtractDecimals(addDecimals(a, b), b)).toBe(a);
        expect(parseDecimal(addDecimals(a, b))).toBeDefined();
        expect(compareDecimals(addDecimals(a, b), a)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
  it('does not go below zero', () => {
    expect(subtractDecimals('1' as DecimalString, '1.000001' as DecimalString)).toBeUndefined();
  });
  it('multiplies exactly if possible and otherwise rounds up', () => {
    expect(multiplyDecimals('40000' as DecimalString, '101.25' as DecimalString)).toBe('4050000');
    expect(multiplyDecimals('0.000000001' as DecimalString, '0.0000000001' as DecimalString)).toBe(
      '0.000000000000000001',
    );
  });
});
