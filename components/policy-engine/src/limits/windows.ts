import type { LimitWindow } from '@countersign/contracts';

/** From `starts` up to, not including, `ends`; milliseconds since the epoch. */
export interface Stretch {
  readonly starts: number;
  readonly ends: number;
}

/** A window that amounts add up in. An order alone needs no sum. */
export type SummedWindow = Exclude<LimitWindow, { readonly kind: 'order' }>;

const dayMs = 86_400_000;
const hourMs = 3_600_000;
const bucketsPerWindow = 96;
const narrowestBucketMs = 1000;

/** The stretch whose sum an amount taken at `at` is added to. */
export function bucketOf(window: SummedWindow, at: number): Stretch {
  if (window.kind === 'day') return dayOf(window.day);
  const width = Math.max(narrowestBucketMs, Math.ceil((window.seconds * 1000) / bucketsPerWindow));
  const starts = Math.floor(at / width) * width;
  return { starts, ends: starts + width };
}

/**
 * What counts at `at`: every bucket that reaches into this stretch. A rolling window has no end: what a node with a
 * faster clock has taken counts as well. A bucket counts until all of it has left, so that a sum is never too low.
 */
export function countedAt(window: SummedWindow, at: number): Stretch {
  return window.kind === 'day'
    ? dayOf(window.day)
    : { starts: at - window.seconds * 1000, ends: Number.MAX_SAFE_INTEGER };
}

/**
 * From where on the sums are sealed when they are next written: what counts at `at`, and what counts for a node whose clock is
 * behind by less than a quarter of the window, and by less than an hour.
 */
export function sealedFrom(window: SummedWindow, at: number): number {
  const { starts } = countedAt(window, at);
  const quarterMs = window.kind === 'day' ? dayMs / 4 : window.seconds * 250;
  return Math.floor(starts - Math.min(quarterMs, hourMs));
}

/** From when on no reading of this window sees the bucket any more. */
export function expiryOf(window: SummedWindow, bucket: Stretch): number {
  return window.kind === 'day' ? bucket.ends : bucket.ends + window.seconds * 1000;
}

/** As a reading names it: `order`, an ISO 8601 duration, or a day. */
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
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day) || Number.isNaN(starts)) throw new Error(`a limit was asked for on ${day}`);
  return { starts, ends: starts + dayMs };
}
