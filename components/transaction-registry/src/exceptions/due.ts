import type { ExceptionCause } from '@countersign/contracts';

/** Seconds within which somebody is to deal with an exception, by its cause. */
export type ExceptionTimes = Readonly<Partial<Record<ExceptionCause, number>>>;

const fourHours = 4 * 3600;

/** @returns milliseconds since the epoch */
export function dueAt(cause: ExceptionCause, raisedAt: number, times: ExceptionTimes = {}): number {
  return raisedAt + (times[cause] ?? fourHours) * 1000;
}
