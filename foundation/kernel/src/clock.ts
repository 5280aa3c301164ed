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
    const out = new Uint8Array(pool.subarray(taken, taken + size));
    // What was handed out is wiped, so that a later memory disclosure does not reveal it here as well.
    pool.fill(0, taken, taken + size);
    taken += size;
    return out;
  },
};

/** Seconds since the epoch, rounded down: the unit of JWT `iat`, `exp` and `nbf` (RFC 7519 section 2). */
export function epochSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}

/** RFC 3339 in UTC with milliseconds, e.g. `2026-11-21T09:30:00.000Z`. */
export function toInstant(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

const instantPattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;

/** Milliseconds of an RFC 3339 date-time, or undefined when it is not one. */
export function parseInstant(text: string): number | undefined {
  if (!instantPattern.test(text)) return undefined;
  const milliseconds = Date.parse(text);
  return Number.isNaN(milliseconds) ? undefined : milliseconds;
}
