import type { Clock } from '@countersign/kernel';

export interface FixedClock extends Clock {
  advance(milliseconds: number): void;
}

/** Time that stands still until it is told to move. */
export function fixedClock(startMs: number): FixedClock {
  let now = startMs;
  return {
    now: () => now,
    advance(milliseconds) {
      now += milliseconds;
    },
  };
}
