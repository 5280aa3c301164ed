import type { Place } from '../problems.ts';

/** A day that exists, `YYYY-MM-DD`. JavaScript reads 30 February as 2 March; an expiry must not move. */
export function readDay(text: string, place: Place): string | undefined {
  const day = new Date(`${text}T00:00:00Z`);
  if (!Number.isNaN(day.getTime()) && day.toISOString().slice(0, 10) === text) return text;
  return place.report('directory_file_invalid', 'There is no such day.');
}
