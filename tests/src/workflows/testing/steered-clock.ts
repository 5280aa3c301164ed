import type { Clock } from '@countersign/kernel';

/** The real time, plus the time that the test has advanced. */
export interface SteeredClock extends Clock {
  pass(seconds: number): void;
}

export function steeredClock(): SteeredClock {
  let aheadMs = 0;
  return {
    now: () => Date.now() + aheadMs,
    pass(seconds) {
      aheadMs += seconds * 1000;
    },
  };
}

export const minutes = (count: number): number => count * 60;
export const hours = (count: number): number => count * 3_600;
