/**
 * Cedar's Long, a signed 64-bit integer, exactly.
 *
 * Invariant: a `number` when `Number.isSafeInteger`, a `bigint` otherwise. One value has one form, so `===`
 * compares Longs, and `<` compares across the two forms without rounding.
 */
export type Long = number | bigint;

const smallest = -(2n ** 63n);
const largest = 2n ** 63n - 1n;

/** The Long of a mathematical integer, or undefined when it does not fit 64 bits. */
export function toLong(value: bigint): Long | undefined {
  if (value < smallest || value > largest) return undefined;
  const narrow = Number(value);
  return Number.isSafeInteger(narrow) ? narrow : value;
}

// In all three: two safe operands whose rounded result is safe have not been rounded, because rounding is
// monotonic and 2^53 is representable. Everything else is done again exactly.

/** left + right, or undefined on overflow. */
export function addLongs(left: Long, right: Long): Long | undefined {
  if (typeof left === 'number' && typeof right === 'number') {
    const sum = left + right;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return toLong(BigInt(left) + BigInt(right));
}

/** left - right, or undefined on overflow. */
export function subtractLongs(left: Long, right: Long): Long | undefined {
  if (typeof left === 'number' && typeof right === 'number') {
    const difference = left - right;
    if (Number.isSafeInteger(difference)) return difference;
  }
  return toLong(BigInt(left) - BigInt(right));
}

/** left * right, or undefined on overflow. */
export function multiplyLongs(left: Long, right: Long): Long | undefined {
  if (typeof left === 'number' && typeof right === 'number') {
    const product = left * right;
    if (Number.isSafeInteger(product)) return product;
  }
  return toLong(BigInt(left) * BigInt(right));
}

/** The quotient rounded towards zero, as 64-bit division does. The divisor is positive, so it cannot overflow. */
export function divideLong(dividend: Long, divisor: number): Long {
  return typeof dividend === 'number' ? Math.trunc(dividend / divisor) : fitting(dividend / BigInt(divisor));
}

/** The remainder in [0, divisor), also for negative values. */
export function moduloLong(value: Long, divisor: number): number {
  const remainder = typeof value === 'number' ? value % divisor : Number(value % BigInt(divisor));
  return remainder < 0 ? remainder + divisor : remainder;
}

export function isLong(value: unknown): value is Long {
  return typeof value === 'number' || typeof value === 'bigint';
}

function fitting(value: bigint): Long {
  const narrow = Number(value);
  return Number.isSafeInteger(narrow) ? narrow : value;
}
