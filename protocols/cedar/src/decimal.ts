import { type Long, toLong } from './long.ts';

/** Cedar's `decimal`: a 64-bit count of ten-thousandths. */
export class Decimal {
  readonly kind = 'decimal';
  readonly tenThousandths: Long;

  constructor(tenThousandths: Long) {
    this.tenThousandths = tenThousandths;
  }

  toString(): string {
    const units = BigInt(this.tenThousandths);
    const digits = (units < 0n ? -units : units).toString().padStart(5, '0');
    return `${units < 0n ? '-' : ''}${digits.slice(0, -4)}.${digits.slice(-4)}`;
  }
}

const form = /^(-?)0*(\d{1,16})\.(\d{1,4})$/;

/** The decimal, or undefined when the text is not one: digits, a point, one to four digits, within 64 bits. */
export function parseDecimalValue(text: string): Decimal | undefined {
  const match = form.exec(text);
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = ''] = match;
  const units = BigInt(whole + fraction.padEnd(4, '0'));
  const long = toLong(sign === '-' ? -units : units);
  return long === undefined ? undefined : new Decimal(long);
}
