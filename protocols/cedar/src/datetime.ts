import { addLongs, type Long, moduloLong, subtractLongs, toLong } from './long.ts';

/** Cedar's `datetime`: milliseconds since the Unix epoch, 64 bits. */
export class Datetime {
  readonly kind = 'datetime';
  readonly epochMilliseconds: Long;
  /** The text it was read from. */
  readonly written: string | undefined;

  constructor(epochMilliseconds: Long, written?: string) {
    this.epochMilliseconds = epochMilliseconds;
    this.written = written;
  }

  /** As `2026-11-20T09:30:00.000Z`; undefined outside the years 0000 to 9999, which have no such text. */
  isoText(): string | undefined {
    const at = Number(this.epochMilliseconds);
    return at < firstWritten || at > lastWritten ? undefined : new Date(at).toISOString();
  }
}

const firstWritten = Date.parse('0000-01-01T00:00:00.000Z');
const lastWritten = Date.parse('9999-12-31T23:59:59.999Z');

/** Cedar's `duration`: milliseconds, signed, 64 bits. */
export class Duration {
  readonly kind = 'duration';
  readonly milliseconds: Long;

  constructor(milliseconds: Long) {
    this.milliseconds = milliseconds;
  }
}

export const millisecondsPer = { second: 1_000, minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

const datetimeForm = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{3}))?(?:Z|([+-])(\d{2})(\d{2})))?$/;

/**
 * The datetime, or undefined when the text is none (Cedar RFC 80): a date alone, or with a time to the second or
 * millisecond and `Z` or an offset `+hhmm`.
 */
export function parseDatetime(text: string): Datetime | undefined {
  return parseInstant(text) ?? parseAnyDatetime(text);
}

function parseAnyDatetime(text: string): Datetime | undefined {
  const match = datetimeForm.exec(text);
  if (match === null) return undefined;
  const field = (index: number): number => Number(match[index] ?? 0);
  const [year, month, day, hour, minute, second] = [field(1), field(2), field(3), field(4), field(5), field(6)];
  const [offsetHours, offsetMinutes] = [field(9), field(10)];
  if (hour > 23 || minute > 59 || second > 59 || offsetHours > 23 || offsetMinutes > 59) return undefined;
  // `setUTCFullYear`, because Date.UTC takes the years 0 to 99 for 1900 to 1999.
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const local =
    date.getTime() + hour * millisecondsPer.hour + minute * millisecondsPer.minute + second * 1_000 + field(7);
  const offset = offsetHours * millisecondsPer.hour + offsetMinutes * millisecondsPer.minute;
  return new Datetime(match[8] === '-' ? local + offset : local - offset, text);
}

const [zero, nine] = [0x30, 0x39];

/** The form that programs write, `2026-11-20T09:30:00.000Z`, without a regular expression; undefined for others. */
function parseInstant(text: string): Datetime | undefined {
  const marks =
    text.length === 24 &&
    text[4] === '-' &&
    text[7] === '-' &&
    text[10] === 'T' &&
    text[13] === ':' &&
    text[16] === ':';
  if (!marks || text[19] !== '.' || text[23] !== 'Z') return undefined;
  const [month, day] = [digits(text, 5, 2), digits(text, 8, 2)];
  const [hour, minute, second] = [digits(text, 11, 2), digits(text, 14, 2), digits(text, 17, 2)];
  const [year, millisecond] = [digits(text, 0, 4), digits(text, 20, 3)];
  // A day that not every month has is left to the calendar, as is a character that is no digit (which makes NaN).
  const common = year >= 100 && month >= 1 && month <= 12 && day >= 1 && day <= 28;
  if (!common || !(hour <= 23 && minute <= 59 && second <= 59 && millisecond <= 999)) return undefined;
  return new Datetime(Date.UTC(year, month - 1, day, hour, minute, second, millisecond), text);
}

function digits(text: string, from: number, count: number): number {
  let value = 0;
  for (let position = from; position < from + count; position++) {
    const code = text.charCodeAt(position);
    if (!(code >= zero && code <= nine)) return Number.NaN;
    value = value * 10 + (code - zero);
  }
  return value;
}

const durationForm = /^(-?)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;
const durationUnits = [86_400_000n, 3_600_000n, 60_000n, 1_000n, 1n] as const;

/** The duration; undefined for other text. `-1d2h3m4s5ms`: each part is optional, but not all of them. */
export function parseDuration(text: string): Duration | undefined {
  const match = durationForm.exec(text);
  if (match === null) return undefined;
  const parts = match.slice(2);
  if (parts.every((part) => part === undefined)) return undefined;
  let total = 0n;
  for (const [index, unit] of durationUnits.entries()) {
    const digits = (parts[index] ?? '').replace(/^0+/, '');
    // 20 digits overflow in every unit; a longer text must not cost a conversion.
    if (digits.length > 19) return undefined;
    total += BigInt(digits) * unit;
  }
  const milliseconds = toLong(match[1] === '-' ? -total : total);
  return milliseconds === undefined ? undefined : new Duration(milliseconds);
}

/** The datetime moved by the duration, or undefined on overflow. */
export function offsetDatetime(from: Datetime, by: Duration): Datetime | undefined {
  const moved = addLongs(from.epochMilliseconds, by.milliseconds);
  return moved === undefined ? undefined : new Datetime(moved);
}

/** The duration from `since` to `until`, or undefined on overflow. */
export function durationSince(until: Datetime, since: Datetime): Duration | undefined {
  const elapsed = subtractLongs(until.epochMilliseconds, since.epochMilliseconds);
  return elapsed === undefined ? undefined : new Duration(elapsed);
}

/** Midnight (UTC) of the day, or undefined when that is before the first 64-bit instant. */
export function toDate(of: Datetime): Datetime | undefined {
  const midnight = subtractLongs(of.epochMilliseconds, moduloLong(of.epochMilliseconds, millisecondsPer.day));
  return midnight === undefined ? undefined : new Datetime(midnight);
}

export function toTime(of: Datetime): Duration {
  return new Duration(moduloLong(of.epochMilliseconds, millisecondsPer.day));
}
