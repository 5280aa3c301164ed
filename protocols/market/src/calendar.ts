import { parseInstant } from '@countersign/kernel';
import { accept, type Parsed, refuse } from './parsed.ts';

const datePattern = /^(\d{4})-(\d{2})-(\d{2})$/;

/** `YYYY-MM-DD`. JavaScript reads 30 February as 2 March, which would shift a value date or deadline. */
export function parseCalendarDate(text: unknown): Parsed<string, 'date_malformed'> {
  const match = typeof text === 'string' ? datePattern.exec(text) : null;
  if (match === null || typeof text !== 'string') return refuse('date_malformed', 'A date is written YYYY-MM-DD.');
  const day = new Date(`${text}T00:00:00Z`);
  if (Number.isNaN(day.getTime()) || day.toISOString().slice(0, 10) !== text)
    return refuse('date_malformed', `There is no day ${text}.`);
  return accept(text);
}

/** Parses an RFC 3339 date-time on an existing day and returns its text unchanged. The kernel's `parseInstant` converts it. */
export function parseDateTime(text: unknown): Parsed<string, 'instant_malformed'> {
  const malformed = refuse('instant_malformed', 'A time is written as RFC 3339 says, e.g. 2026-11-21T09:30:00Z.');
  if (typeof text !== 'string' || text.length > 40 || parseInstant(text) === undefined) return malformed;
  // RFC 3339 section 5.6: hours run from 00 to 23; ECMAScript also takes 24:00.
  if (!parseCalendarDate(text.slice(0, 10)).ok || text.slice(11, 13) === '24') return malformed;
  return accept(text);
}
