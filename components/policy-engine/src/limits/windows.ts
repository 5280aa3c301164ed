import type { LimitWindow } from '@countersign/contracts';

/** From `starts` (inclusive) to `ends` (exclusive), in milliseconds since the epoch. */
export interface Stretch {
  readonly starts: number;
  readonly ends: number;
}

/** A window with a sum; the window of a single order needs none. */
export type SummedWindow = Exclude<LimitWindow, { readonly kind: 'order' }>;

const dayMs = 86_400_000;
const hourMs = 3_600_000;
const bucketsPerWindow = 96;
const narrowestBucketMs = 1000;

/** The period whose sum an amount taken at `at` is added to. */
export function bucketOf(window: SummedWindow, at: number): Stretch {
  if (window.kind === 'day') return dayOf(window.day);
  const width = Math.max(narrowestBucketMs, Math.ceil((window.seconds * 1000) / bucketsPerWindow));
  const starts = Math.floor(at / width) * width;
  return { starts, ends: starts + width };
}

/**
 * The period that counts at `at`. A bucket counts as long as it overlaps, so that a sum is never too low. A rolling window has no
 * end, so that amounts taken by a node with a faster clock count as well.
 */
export function countedAt(window: SummedWindow, at: number): Stretch {
  return window.kind === 'day'
    ? dayOf(window.day)
    : { starts: at - window.seconds * 1000, ends: Number.MAX_SAFE_INTEGER };
}

/**
 * The start of the seal at the next write: all sums that count at `at`, also for a node whose clock is behind by less than a quarter
 * of the window and less than an hour.
 */
export function sealedFrom(window: SummedWindow, at: number): number {
  const { starts } = countedAt(window, at);
  const quarterMs = window.kind === 'day' ? dayMs / 4 : window.seconds * 250;
  return Math.floor(starts - Math.min(quarterMs, hourMs));
}

/** When the bucket stops counting in this window. */
export function expiryOf(window: SummedWindow, bucket: Stretch): number {
  return window.kind === 'day' ? bucket.ends : bucket.ends + window.seconds * 1000;
}

/** The name of the window in a reading: `order`, an ISO 8601 duration, or a day. */
export function windowText(window: LimitWindow): string {
  switch (window.kind) {
    case 'order':
      return 'order';
    case 'rolling':
      return `PT${window.seconds}S`;
    case 'day':
      return window.day;
  }
}

function dayOf(day: string): Stretch {
  const starts = Date.parse(`${day}T00:00:00Z`);
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day) || Number.isNaN(starts))
    throw new Error(`the day of a limit is invalid: ${day}`);
  return { starts, ends: starts + dayMs };
}
