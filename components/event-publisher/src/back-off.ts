import type { Random } from '@countersign/kernel';

const firstRetryMs = 1_000;
const longestRetryMs = 3_600_000;
/** After so long without success a person has to look at it; nothing is lost meanwhile. */
const suspendAfterMs = 3 * 86_400_000;

/** Doubled with each failure, up to an hour; a fifth of it by chance, so that a receiver that is back is not overrun. */
export function retryAfter(attempts: number, random: Random): number {
  const wait = Math.min(firstRetryMs * 2 ** Math.min(attempts, 30), longestRetryMs);
  const [byte = 0] = random.bytes(1);
  return Math.round(wait * (0.8 + (0.2 * byte) / 255));
}

/** Whether a run of failures has lasted so long that it is not tried any more. Milliseconds since the epoch. */
export function failsForTooLong(failingSince: number | undefined, now: number): boolean {
  return failingSince !== undefined && now - failingSince >= suspendAfterMs;
}
