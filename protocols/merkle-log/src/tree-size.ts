/** Sizes and indices are uint64 in every format of the log. */
export const maxTreeSize = 2n ** 64n - 1n;

const decimalPattern = /^(?:0|[1-9]\d{0,19})$/;

export function isTreeSize(value: unknown): value is bigint {
  return typeof value === 'bigint' && value >= 0n && value <= maxTreeSize;
}

/** ASCII decimal without leading zeros (tlog-checkpoint, "Note text"). */
export function parseTreeSize(text: string): bigint | undefined {
  if (!decimalPattern.test(text)) return undefined;
  const value = BigInt(text);
  return value <= maxTreeSize ? value : undefined;
}
