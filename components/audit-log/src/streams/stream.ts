import type { NumberRange } from '@countersign/evidence';
import type { RecordId, StreamId } from '@countersign/kernel';
import type { Origin } from '../record-json.ts';

/** What a beat says: how far everything has come to an end, and what of it came to nothing. */
export interface Account {
  /** Every number up to this one is a record of the log, or void. */
  readonly upTo: number;
  /** Numbers whose records failed, as far as no earlier beat has named them. */
  readonly voids: readonly NumberRange[];
}

/** What one process records, counted where an append is accepted, and accounted for in beats. */
export interface Stream {
  readonly id: StreamId;
  /** What the next record says of its origin; {@link accept} makes the number taken. */
  next(): Origin;
  accept(): void;
  /** Numbers come to their end in the order in which they were taken. @param placed false when no record has the number */
  settle(number: number, placed: boolean): void;
  /** What a beat can say now. */
  account(): Account;
  /** A beat that said this is durable. */
  accounted(account: Account): void;
  /** Numbers taken so far. */
  readonly taken: number;
  /** Are there voids that no beat has named? */
  readonly voidsWait: boolean;
}

/** What one beat can name: a record has room for two thousand ranges of the largest numbers. */
const maxRanges = 1_000;

/** @param clock the newest measurement of this process's clock */
export function createStream({
  id,
  clock,
}: {
  readonly id: StreamId;
  readonly clock: () => RecordId | undefined;
}): Stream {
  let taken = 0;
  let settled = 0;
  let voids: NumberRange[] = [];

  return {
    id,
    next: () => ({ stream: id, number: taken + 1, clock: clock() }),
    accept() {
      taken++;
    },
    settle(number, placed) {
      settled = number;
      if (placed) return;
      // What fails together has consecutive numbers: an outage of any length is one range.
      const last = voids.at(-1);
      if (last !== undefined && last[1] === number - 1) voids[voids.length - 1] = [last[0], number];
      else voids.push([number, number]);
    },
    account() {
      const named = voids.slice(0, maxRanges);
      const left = voids[maxRanges];
      return { upTo: left === undefined ? settled : left[0] - 1, voids: named };
    },
    accounted({ upTo }) {
      voids = voids.flatMap(([first, last]): NumberRange[] =>
        last <= upTo ? [] : [[Math.max(first, upTo + 1), last]],
      );
    },
    get taken() {
      return taken;
    },
    get voidsWait() {
      return voids.length > 0;
    },
  };
}
