import type { Desk } from '@countersign/contracts';
import { minuteOfWeek } from '@countersign/market';

const minutesPerDay = 24 * 60;
const millisecondsPerMinute = 60_000;

/** What clocks of a zone showed in the minute asked about last: Intl is asked once a zone and minute, not per order. */
const lastShown = new Map<string, { readonly minute: number; readonly shown: number | undefined }>();
const maxZones = 1_024;

/**
 * Whether a desk is staffed at a moment. Opening is within, closing is not; hours that end before they begin go on into
 * the next day. A zone or a time that there is not: nobody is there.
 */
export function isStaffed({ timeZone, opens, closes, days }: Desk['hours'], at: number): boolean {
  const shown = minuteShown(timeZone, at);
  const from = minuteOfDay(opens);
  const until = minuteOfDay(closes);
  if (shown === undefined || from === undefined || until === undefined) return false;
  const day = Math.floor(shown / minutesPerDay) + 1;
  const minute = shown % minutesPerDay;
  if (from < until) return minute >= from && minute < until && days.includes(day);
  const dayBefore = day === 1 ? 7 : day - 1;
  return (minute >= from && days.includes(day)) || (minute < until && days.includes(dayBefore));
}

/** No zone's clock moves within a minute of UTC: what it shows holds for all of that minute. */
function minuteShown(timeZone: string, at: number): number | undefined {
  const minute = Math.floor(at / millisecondsPerMinute);
  const last = lastShown.get(timeZone);
  if (last?.minute === minute) return last.shown;
  const shown = minuteOfWeek(at, timeZone);
  if (lastShown.size >= maxZones) lastShown.clear();
  lastShown.set(timeZone, { minute, shown });
  return shown;
}

/** `24:00` is the end of the day. */
function minuteOfDay(time: string): number | undefined {
  if (time.length !== 5 || time.charCodeAt(2) !== 0x3a) return undefined;
  const hour = twoDigits(time, 0);
  const minute = twoDigits(time, 3);
  if (!(hour >= 0 && minute >= 0 && minute < 60)) return undefined;
  return hour < 24 || (hour === 24 && minute === 0) ? hour * 60 + minute : undefined;
}

/** NaN where they are none. Without the two texts that `Number` would need: this is read for every order. */
function twoDigits(text: string, at: number): number {
  const [tens, ones] = [text.charCodeAt(at) - 0x30, text.charCodeAt(at + 1) - 0x30];
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}
