import type { Json } from '@countersign/kernel';

/** A place in the log in decimal: as much as its `bigint` column takes. */
export const placePattern = /^(?:0|[1-9]\d{0,18})$/;

/** A place in the log, as a number or in decimal. */
export function placeOf(json: Json): bigint | undefined {
  const text = String(json);
  return placePattern.test(text) ? BigInt(text) : undefined;
}
