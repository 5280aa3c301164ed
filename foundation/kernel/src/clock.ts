import { randomBytes } from 'node:crypto';

/** Wall-clock time as a dependency: milliseconds since the Unix epoch (UTC). */
export interface Clock {
  now(): number;
}

/** Randomness as a dependency: `size` unpredictable bytes. */
export interface Random {
  bytes(size: number): Uint8Array;
}

export const systemClock: Clock = { now: () => Date.now() };

// One system call hands out many small draws: a 10-byte draw from the pool costs a copy, not a call.
const poolSize = 4096;
let pool = Buffer.alloc(0);
let taken = 0;

export const systemRandom: Random = {
  bytes(size) {
    if (size > poolSize) return new Uint8Array(randomBytes(size));
    if (taken + size > pool.length) {
      pool = randomBytes(poolSize);
      taken = 0;
    }
    // For 10 to 32 bytes a loop is several times faster than a view and a copy.
    const out = new Uint8Array(size);
    for (let at = 0; at < size; at++, taken++) {
      // Never undefined: the pool was refilled above if it was too short.
      out[at] = pool[taken] ?? 0;
      // Wipe used bytes, so that a later memory disclosure does not reveal them here.
      pool[taken] = 0;
    }
    return out;
  },
};

/**
 * Whether something happened less than `withinMs` before `now`. A time after `now` is not recent: the clock has stepped back, so
 * its age is unknown.
 */
export function isRecent(at: number, withinMs: number, now: number): boolean {
  return at <= now && now - at < withinMs;
}

/** Seconds since the epoch, rounded down: the unit of JWT `iat`, `exp` and `nbf` (RFC 7519 section 2). */
export function epochSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}

/** RFC 3339 in UTC with milliseconds, e.g. `2026-11-21T09:30:00.000Z`. */
export function toInstant(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

const instantPattern =
  /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.\d{1,9})?(?:Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

/**
 * Milliseconds of an RFC 3339 date-time, or undefined when it is not one.
 *
 * `Date.parse` reads 30 February as 2 March and hour 24 as the next day: a date that does not exist is refused
 * here, because two systems would take it for two different times. Leap seconds (`:60`) are refused as well.
 */
export function parseInstant(text: string): number | undefined {
  const fields = instantPattern.exec(text)?.slice(1, 7).map(Number);
  if (fields === undefined) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = fields;
  const daysInMonth = new Date(Date.UTC(year, month, 0)).getUTCDate();
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth || hour > 23 || minute > 59 || second > 59)
    return undefined;
  const milliseconds = Date.parse(text);
  return Number.isNaN(milliseconds) ? undefined : milliseconds;
}
