/** Before the first record of the log. */
export const beginning = -1n;

/** Sorts like the places. The beginning reads as the first place; see `readPosition`. */
export function positionText(index: bigint): string {
  return (index < 0n ? 0n : index).toString().padStart(20, '0');
}

/** Undefined when malformed. The first place means the beginning: reading one event twice is better than missing it. */
export function readPosition(text: string): bigint | undefined {
  if (!/^[0-9]{1,20}$/.test(text)) return undefined;
  const position = BigInt(text);
  if (position > largestPlace) return undefined;
  return position === 0n ? beginning : position;
}

const largestPlace = 2n ** 63n - 1n;
