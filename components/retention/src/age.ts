import type { RetentionClass, RetentionSchedule } from '@countersign/contracts';

/** Milliseconds, in UTC. Where there is no 29 February, it is the 28th. */
export function yearsBefore(moment: number, years: number): number {
  const date = new Date(moment);
  const month = date.getUTCMonth();
  date.setUTCFullYear(date.getUTCFullYear() - years);
  return date.getUTCMonth() === month ? date.getTime() : date.setUTCDate(0);
}

/** A record of 29 February is due on 1 March. */
export function yearsAfter(moment: number, years: number): number {
  const date = new Date(moment);
  return date.setUTCFullYear(date.getUTCFullYear() + years);
}

/** Records older than this have been kept as long as the schedule requires. */
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

/** Custody records are never pruned; their restricted values are kept for the longest period of any class. */
export function erasableFrom(
  { years }: Pick<RetentionSchedule, 'years'>,
  inClass: RetentionClass,
  newest: number,
): number {
  const kept = inClass === 'custody' ? Math.max(...Object.values(years)) : years[inClass];
  return yearsAfter(newest, kept);
}
