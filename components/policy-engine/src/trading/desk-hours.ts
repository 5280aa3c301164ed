import type { Desk } from '@countersign/contracts';
import { minuteOfWeek } from '@countersign/market';

const minutesPerDay = 24 * 60;
const millisecondsPerMinute = 60_000;

/** The last local time of each zone, so that Intl is called once for each zone and minute instead of each order. */
const lastShown = new Map<string, { readonly minute: number; readonly shown: number | undefined }>();
const maxZones = 1_024;

/**
 * Whether a desk is open at a time. The opening minute is included, the closing minute is not. Hours that end before they start
 * continue into the next day. False for an invalid zone or time.
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

/** No zone changes its offset within a minute of UTC, so the result holds for the whole minute. */
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

/** NaN for other characters. Avoids two substrings, because this runs for every order. */
function twoDigits(text: string, at: number): number {
  const [tens, ones] = [text.charCodeAt(at) - 0x30, text.charCodeAt(at + 1) - 0x30];
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}
