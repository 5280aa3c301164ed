import { type Json, listOf, membersOf } from '@countersign/kernel';
import { placeOf } from '../members.ts';

/** `past` is the place after the last. */
export interface PlaceRange {
  readonly first: bigint;
  readonly past: bigint;
}

/** The pruned places, and the root over their leaf hashes. */
export interface Pruning {
  readonly ranges: readonly PlaceRange[];
  /** RFC 6962, base64url. */
  readonly root: string | undefined;
}

/** Undefined if the places are not listed in order. */
export function pruningOf(record: Json): Pruning | undefined {
  const data = membersOf(membersOf(record)?.['data']);
  const ranges = listOf(data?.['ranges'], rangeOf);
  if (data === undefined || ranges === undefined) return undefined;
  if (ranges.some(({ first }, position) => first < (ranges[position - 1]?.past ?? 0n))) return undefined;
  return { ranges, root: typeof data['root'] === 'string' ? data['root'] : undefined };
}

/** Both included. */
function rangeOf(item: Json): PlaceRange | undefined {
  const places = listOf(item, placeOf);
  const [first, last] = places ?? [];
  return places?.length === 2 && first !== undefined && last !== undefined && first <= last
    ? { first, past: last + 1n }
    : undefined;
}

export function createAbsences() {
  let unexplained: PlaceRange[] = [];
  let unread: PlaceRange[] = [];
  let count = 0;

  return {
    /** In order. @param known false if the body could not be read, so that its state is unknown */
    add(index: bigint, known: boolean): void {
      count++;
      addPlace(known ? unexplained : unread, index);
    },

    explain(ranges: readonly PlaceRange[]): void {
      unexplained = withoutRanges(unexplained, ranges);
      unread = withoutRanges(unread, ranges);
    },

    count: () => count,
    /** Unreadable and not declared as pruned. */
    unread: () => unread.reduce((sum, { first, past }) => sum + Number(past - first), 0),
    first: () => unexplained[0]?.first,
  };
}

function addPlace(ranges: PlaceRange[], index: bigint): void {
  const last = ranges.at(-1);
  if (last?.past === index) ranges[ranges.length - 1] = { first: last.first, past: index + 1n };
  else ranges.push({ first: index, past: index + 1n });
}

function withoutRanges(absences: readonly PlaceRange[], ranges: readonly PlaceRange[]): PlaceRange[] {
  const left: PlaceRange[] = [];
  let position = 0;
  for (const absent of absences) {
    let { first } = absent;
    while (ranges[position] !== undefined && (ranges[position]?.past ?? 0n) <= first) position++;
    for (let at = position; ; at++) {
      const range = ranges[at];
      if (range === undefined || range.first >= absent.past) break;
      if (range.first > first) left.push({ first, past: range.first });
      first = range.past > first ? range.past : first;
    }
    if (first < absent.past) left.push({ first, past: absent.past });
  }
  return left;
}
