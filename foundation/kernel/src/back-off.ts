import type { Random } from './clock.ts';

/**
 * How long to wait before trying again, in milliseconds: doubled with each failure up to the longest wait, and up to a fifth less by
 * chance, so that those who wait do not all come back in the same moment.
 *
 * @param failures how many came before this one
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
