import { Frontier } from '@countersign/merkle-log';

/** Places from the first to the last, both included, as a `log.pruned` record lists them. */
export type PlaceRange = readonly [first: number, last: number];

/** @param places in ascending order */
export function rangesOf(places: readonly bigint[]): readonly PlaceRange[] {
  const ranges: [number, number][] = [];
  for (const place of places.map(Number)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === place - 1) last[1] = place;
    else ranges.push([place, place]);
  }
  return ranges;
}

/**
 * RFC 6962 tree hash, in base64url: by it the list is held against the leaf hashes that stay.
 *
 * @param leafHashes in the order of their places
 */
export function rootOver(leafHashes: readonly Buffer[]): string {
  return Frontier.empty.append(leafHashes).root().toString('base64url');
}
