import type { Brand } from './brand.ts';

/**
 * A non-negative decimal amount as it travels: digits, optionally a point and up to 18 digits, no sign, no
 * exponent, no leading zeros, no trailing zeros after the point. One value has exactly one text, so that
 * amounts can be compared, hashed and signed as text.
 */
export type DecimalString = Brand<string, 'DecimalString'>;

const pattern = /^(0|[1-9]\d{0,20})(?:\.(\d{0,17}[1-9]))?$/;
const scale = 18;
const one = 10n ** BigInt(scale);

/** The amount, or undefined when the text is not in the one allowed form (see {@link DecimalString}). */
export function parseDecimal(text: unknown): DecimalString | undefined {
  return typeof text === 'string' && pattern.test(text) ? (text as DecimalString) : undefined;
}

/** Units of 10^-18. Exact: money never passes through a binary fraction. */
function toUnits(amount: DecimalString): bigint {
  const [whole = '0', fraction = ''] = amount.split('.');
  return BigInt(whole) * one + BigInt(fraction.padEnd(scale, '0'));
}

function fromUnits(units: bigint): DecimalString {
  const whole = units / one;
  const fraction = (units % one).toString().padStart(scale, '0').replace(/0+$/, '');
  return (fraction === '' ? whole.toString() : `${whole}.${fraction}`) as DecimalString;
}

/** Negative when a < b, zero when equal, positive when a > b. */
export function compareDecimals(a: DecimalString, b: DecimalString): number {
  const left = toUnits(a);
  const right = toUnits(b);
  return left < right ? -1 : left > right ? 1 : 0;
}

export function addDecimals(a: DecimalString, b: DecimalString): DecimalString {
  return fromUnits(toUnits(a) + toUnits(b));
}

/** a - b, or undefined when it would be negative. */
export function subtractDecimals(a: DecimalString, b: DecimalString): DecimalString | undefined {
  const units = toUnits(a) - toUnits(b);
  return units < 0n ? undefined : fromUnits(units);
}

/** a times b, rounded up at the 18th place, so that a limit is never passed by rounding. */
export function multiplyDecimals(a: DecimalString, b: DecimalString): DecimalString {
  const product = toUnits(a) * toUnits(b);
  return fromUnits((product + one - 1n) / one);
}

export const zero = '0' as DecimalString;
