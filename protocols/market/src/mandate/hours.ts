import type { Hours } from './constraints-shape.ts';
import { minuteOfWeek, minutesPerWeek } from './local-time.ts';

const minutesPerDay = 24 * 60;

/** Whether an instant (milliseconds since the epoch) lies within the hours. False for an invalid instant or time zone. */
export function withinHours(hours: Hours, at: number): boolean {
  const minute = minuteOfWeek(at, hours.timeZone);
  return minute !== undefined && opensFor(hours, minute);
}

/** For each minute of the week, in the time zone of the hours: whether it lies within them. */
export function weekOf(hours: Hours): boolean[] {
  const week = new Array<boolean>(minutesPerWeek).fill(false);
  const length = minutesOpen(hours);
  for (const day of hours.days) {
    const opening = openingOf(hours, day);
    for (let minute = opening; minute < opening + length; minute++) week[minute % minutesPerWeek] = true;
  }
  return week;
}

function opensFor(hours: Hours, minute: number): boolean {
  const length = minutesOpen(hours);
  return hours.days.some((day) => (minute - openingOf(hours, day) + minutesPerWeek) % minutesPerWeek < length);
}

/** The minute of the week at which a day's window opens. Day 1 is Monday. */
function openingOf(hours: Hours, day: number): number {
  return (day - 1) * minutesPerDay + minuteOfDay(hours.from);
}

/** A window whose end lies before its start ends on the next day, because exchanges trade over midnight. */
function minutesOpen(hours: Hours): number {
  const from = minuteOfDay(hours.from);
  const until = minuteOfDay(hours.until);
  return until > from ? until - from : until + minutesPerDay - from;
}

function minuteOfDay(clock: string): number {
  return Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3, 5));
}
