import type { Hours } from './constraints.ts';
import { minuteOfWeek, minutesPerWeek } from './local-time.ts';

const minutesPerDay = 24 * 60;

/** Is an instant (milliseconds since the epoch) within the hours? An instant or zone that cannot be read is not. */
export function withinHours(hours: Hours, at: number): boolean {
  const minute = minuteOfWeek(at, hours.timeZone);
  return minute !== undefined && opensFor(hours, minute);
}

/** For each minute of the week, on the clocks of the hours' own zone: is it within? */
export function weekOf(hours: Hours): boolean[] {
  return Array.from({ length: minutesPerWeek }, (_, minute) => opensFor(hours, minute));
}

function opensFor(hours: Hours, minute: number): boolean {
  const from = minuteOfDay(hours.from);
  const until = minuteOfDay(hours.until);
  // A window that ends before it begins ends on the next day: exchanges trade over midnight.
  const length = until > from ? until - from : until + minutesPerDay - from;
  return hours.days.some((day) => {
    const sinceOpening = (minute - ((day - 1) * minutesPerDay + from) + minutesPerWeek) % minutesPerWeek;
    return sinceOpening < length;
  });
}

function minuteOfDay(clock: string): number {
  return Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3, 5));
}
