import type { Clock } from '@countersign/kernel';

export interface FixedClock extends Clock {
  advance(milliseconds: number): void;
}

/** A clock that advances only when told to. */
export function fixedClock(startMs: number): FixedClock {
  let now = startMs;
  return {
    now: () => now,
    advance(milliseconds) {
      now += milliseconds;
    },
  };
}
