/** Minutes of a week, from Monday 00:00. */
export const minutesPerWeek = 7 * 24 * 60;
const minutesPerDay = 24 * 60;
const millisecondsPerMinute = 60_000;
/** ECMAScript dates end 100,000,000 days after the epoch. */
const lastInstant = 8_640_000_000_000_000;

const days = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const dayNames = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

// Creating a formatter costs a thousand times as much as using it. There are about 600 zones, so more entries mean
// alternative spellings.
const formatters = new Map<string, Intl.DateTimeFormat>();
const maxFormatters = 1024;

export function isTimeZone(text: unknown): text is string {
  return typeof text === 'string' && (text === 'UTC' || formatterOf(text) !== undefined);
}

/** Undefined for an invalid zone or instant (milliseconds since the epoch). */
export function minuteOfWeek(at: number, timeZone: string): number | undefined {
  if (!Number.isFinite(at) || Math.abs(at) > lastInstant) return undefined;
  // The epoch began on a Thursday.
  if (timeZone === 'UTC') return modulo(Math.floor(at / millisecondsPerMinute) + 3 * minutesPerDay, minutesPerWeek);
  const parts = formatterOf(timeZone)?.formatToParts(at);
  if (parts === undefined) return undefined;
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.find((each) => each.type === type)?.value ?? '';
  return days.indexOf(part('weekday')) * minutesPerDay + Number(part('hour')) * 60 + Number(part('minute'));
}

/** An instant with this local minute of the week; undefined if the zone skips it in every week tried. */
export function instantAt(minute: number, timeZone: string): number | undefined {
  // One week in January and one in July, because no zone changes its clocks in both.
  for (const monday of [Date.UTC(2024, 0, 8), Date.UTC(2024, 6, 8)]) {
    let at = monday + minute * millisecondsPerMinute;
    for (let attempt = 0; attempt < 3; attempt++) {
      const shown = minuteOfWeek(at, timeZone);
      if (shown === undefined) return undefined;
      if (shown === minute) return at;
      const ahead = modulo(shown - minute + minutesPerWeek / 2, minutesPerWeek) - minutesPerWeek / 2;
      at -= ahead * millisecondsPerMinute;
    }
  }
  return undefined;
}

/** E.g. `a Saturday 12:00 UTC`. */
export function describeMinute(minute: number, timeZone: string): string {
  const inDay = minute % minutesPerDay;
  const clock = `${String(Math.floor(inDay / 60)).padStart(2, '0')}:${String(inDay % 60).padStart(2, '0')}`;
  return `a ${dayNames[Math.floor(minute / minutesPerDay)] ?? 'day'} ${clock} ${timeZone}`;
}

function formatterOf(timeZone: string): Intl.DateTimeFormat | undefined {
  const kept = formatters.get(timeZone);
  if (kept !== undefined) return kept;
  let formatter: Intl.DateTimeFormat;
  try {
    formatter = new Intl.DateTimeFormat('en-US', {
      timeZone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
  } catch {
    // A RangeError means that the zone does not exist.
    return undefined;
  }
  if (formatters.size >= maxFormatters) formatters.clear();
  formatters.set(timeZone, formatter);
  return formatter;
}

function modulo(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor;
}
