const dayMs = 86_400_000;

/** Days before its end at which the expiry of a mandate is announced. */
export const defaultNoticeDays: readonly number[] = [30, 7, 1];

export type Due =
  | { readonly what: 'expire' }
  /** `days`: the shortest lead time that has started; missed longer ones are skipped. */
  | { readonly what: 'notice'; readonly days: number; readonly lookAt: number }
  | { readonly what: 'nothing'; readonly lookAt: number };

export interface Ending {
  /** Milliseconds since the epoch. */
  readonly until: number;
  /** Whether notices are given: only for active and suspended mandates. */
  readonly noticed: boolean;
}

/** When to check a mandate next: at its next notice, or at its end. */
export function nextCheckAt({ until, noticed }: Ending, now: number, noticeDays: readonly number[]): number {
  const moments = noticed ? noticeDays.map((days) => until - days * dayMs) : [];
  return Math.min(until, ...moments.filter((moment) => moment > now));
}

/** @param noticedDays the last notice given for this end */
export function dueNow(
  ending: Ending,
  now: number,
  noticeDays: readonly number[],
  noticedDays: number | undefined,
): Due {
  const { until } = ending;
  if (now >= until) return { what: 'expire' };
  const lookAt = nextCheckAt(ending, now, noticeDays);
  const started = ending.noticed ? noticeDays.filter((days) => until - days * dayMs <= now) : [];
  const days = Math.min(...started);
  const isNew = started.length > 0 && (noticedDays === undefined || days < noticedDays);
  return isNew ? { what: 'notice', days, lookAt } : { what: 'nothing', lookAt };
}

/** When the notice fell due, milliseconds since the epoch. */
export function noticeMoment(until: number, days: number): number {
  return until - days * dayMs;
}
