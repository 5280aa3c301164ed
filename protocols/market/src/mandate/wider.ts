import { addDecimals, compareDecimals, type DecimalString, parseDecimal, zero } from '@countersign/kernel';
import type { MandateUse } from './mandate-use.ts';

export interface Wider {
  readonly example: string;
  readonly facts?: Partial<MandateUse>;
  readonly because?: string;
}

export const one = parseDecimal('1') ?? zero;

/** One more than the limit, or the requested amount if it is less. */
export function justAbove(limit: DecimalString, asked: DecimalString | undefined): DecimalString {
  const next = addDecimals(limit, one);
  return asked === undefined ? next : lesser(next, asked);
}

export function lesser(a: DecimalString, b: DecimalString): DecimalString {
  return compareDecimals(a, b) <= 0 ? a : b;
}
