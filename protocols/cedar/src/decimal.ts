import { type Long, toLong } from './long.ts';

/** Cedar's `decimal`: a 64-bit count of ten-thousandths. */
export class Decimal {
  readonly kind = 'decimal';
  readonly tenThousandths: Long;
  /** The text it was read from: `12.5` and `12.50` are the same value. */
  readonly written: string | undefined;

  constructor(tenThousandths: Long, written?: string) {
    this.tenThousandths = tenThousandths;
    this.written = written;
  }

  toString(): string {
    const units = BigInt(this.tenThousandths);
    const digits = (units < 0n ? -units : units).toString().padStart(5, '0');
    return `${units < 0n ? '-' : ''}${digits.slice(0, -4)}.${digits.slice(-4)}`;
  }
}

const form = /^(-?)0*(\d{1,16})\.(\d{1,4})$/;
/** With four decimal places, a text of at most this length is a safe integer of ten-thousandths. */
const shortText = 12;

/** The decimal; undefined for other text. Digits, a point, one to four digits, within 64 bits. */
export function parseDecimalValue(text: string): Decimal | undefined {
  if (text.length <= shortText) return parseShort(text);
  const match = form.exec(text);
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = ''] = match;
  const units = BigInt(whole + fraction.padEnd(4, '0'));
  const long = toLong(sign === '-' ? -units : units);
  return long === undefined ? undefined : new Decimal(long, text);
}

const [zero, nine, point, minus] = [0x30, 0x39, 0x2e, 0x2d];

/** As {@link parseDecimalValue}, character by character, because nearly every amount is this short. */
function parseShort(text: string): Decimal | undefined {
  const negative = text.charCodeAt(0) === minus;
  const start = negative ? 1 : 0;
  let units = 0;
  let pointAt = -1;
  for (let position = start; position < text.length; position++) {
    const code = text.charCodeAt(position);
    if (code === point && pointAt === -1) pointAt = position;
    else if (code >= zero && code <= nine) units = units * 10 + (code - zero);
    else return undefined;
  }
  const places = text.length - 1 - pointAt;
  if (pointAt <= start || places < 1 || places > 4) return undefined;
  for (let place = places; place < 4; place++) units *= 10;
  return new Decimal(negative && units !== 0 ? -units : units, text);
}
