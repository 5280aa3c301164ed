import type { Json } from '@countersign/kernel';

/** As much as the log's `bigint` column takes. */
export const placePattern = /^(?:0|[1-9]\d{0,18})$/;

/** From a number or decimal text. */
export function placeOf(json: Json): bigint | undefined {
  const text = String(json);
  return placePattern.test(text) ? BigInt(text) : undefined;
}
