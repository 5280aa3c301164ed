import { backOffMs, type Random } from '@countersign/kernel';

const firstRetryMs = 1_000;
const longestRetryMs = 3_600_000;
/** After so long without success a person has to look at it; nothing is lost meanwhile. */
const suspendAfterMs = 3 * 86_400_000;

/** Doubled with each failure, up to an hour. */
export function retryAfter(attempts: number, random: Random): number {
  return backOffMs(attempts, { firstMs: firstRetryMs, longestMs: longestRetryMs }, random);
}

/** Whether a run of failures has lasted so long that it is not tried any more. Milliseconds since the epoch. */
export function failsForTooLong(failingSince: number | undefined, now: number): boolean {
  return failingSince !== undefined && now - failingSince >= suspendAfterMs;
}
