import type { Random } from './clock.ts';

/**
 * Delay before the next retry, in milliseconds: doubled with each failure up to a maximum, and reduced at random by up to a
 * fifth, so that clients do not all retry at the same moment.
 *
 * @param failures number of previous failures
 */
export function backOffMs(
  failures: number,
  { firstMs, longestMs }: { readonly firstMs: number; readonly longestMs: number },
  random: Random,
): number {
  const wait = Math.min(firstMs * 2 ** Math.min(failures, 30), longestMs);
  const [byte = 0] = random.bytes(1);
  return Math.round(wait * (0.8 + (0.2 * byte) / 255));
}
