import type { RetentionClass, RetentionSchedule } from '@countersign/contracts';

/**
 * The moment so many calendar years before another; milliseconds, in UTC. What is older has had its years: where there is no
 * 29 February it is the 28th.
 */
export function yearsBefore(moment: number, years: number): number {
  const date = new Date(moment);
  const month = date.getUTCMonth();
  date.setUTCFullYear(date.getUTCFullYear() - years);
  return date.getUTCMonth() === month ? date.getTime() : date.setUTCDate(0);
}

/** The moment so many calendar years after another. What is of 29 February has had its years on 1 March. */
export function yearsAfter(moment: number, years: number): number {
  const date = new Date(moment);
  return date.setUTCFullYear(date.getUTCFullYear() + years);
}

/** For each class: what is older than this has been kept for as long as the schedule asks. */
export function dueBefore(
  { years }: Pick<RetentionSchedule, 'years'>,
  now: number,
): Readonly<Record<Exclude<RetentionClass, 'custody'>, number>> {
  const before = (name: Exclude<RetentionClass, 'custody'>): number => yearsBefore(now, years[name]);
  return {
    transaction: before('transaction'),
    authority: before('authority'),
    access: before('access'),
    operation: before('operation'),
  };
}

/**
 * When the values of a class may be erased, whose newest record is of this moment. Records of custody are never pruned;
 * what is told to few in them is kept for the longest that anything is.
 */
export function erasableFrom(
  { years }: Pick<RetentionSchedule, 'years'>,
  inClass: RetentionClass,
  newest: number,
): number {
  const kept = inClass === 'custody' ? Math.max(...Object.values(years)) : years[inClass];
  return yearsAfter(newest, kept);
}
