import { parseCalendarDate } from '../calendar.ts';
import { accept, type Parsed, refuse } from '../parsed.ts';
import { readCsv } from './csv.ts';
import { type Lei, parseLei } from './lei.ts';
import { type Mic, parseMic } from './mic.ts';
import type { Venue, VenueRegistry } from './venue.ts';

export interface ListedVenue extends Venue {
  readonly name: string;
  readonly segment: boolean;
  readonly lei?: Lei;
  readonly country: string;
}

export interface MicList {
  readonly venues: readonly ListedVenue[];
  /** Every row is either here or in `venues`. The header is line 1. */
  readonly refusals: readonly { readonly line: number; readonly code: string; readonly detail: string }[];
}

const columns = {
  mic: 'MIC',
  operatingMic: 'OPERATING MIC',
  level: 'OPRT/SGMT',
  name: 'MARKET NAME-INSTITUTION DESCRIPTION',
  lei: 'LEI',
  category: 'MARKET CATEGORY CODE',
  country: 'ISO COUNTRY CODE (ISO 3166)',
  status: 'STATUS',
  expiryDate: 'EXPIRY DATE',
} as const;
type Column = keyof typeof columns;
type Cell = (column: Column) => string;

/**
 * Reads the CSV form of the ISO 10383 list, which the user supplies. Columns are matched by heading. At most 16
 * million characters.
 */
export function parseMicList(csvText: string): Parsed<MicList, 'mic_list_malformed'> {
  const csv = readCsv(csvText, { maxLength: 16_000_000 });
  if (!csv.ok) return refuse('mic_list_malformed', csv.detail);
  const [header, ...rows] = csv.value;
  if (header === undefined) return refuse('mic_list_malformed', 'The list is empty.');
  const headings = header.cells.map((heading) => heading.trim().toUpperCase());
  const missing = Object.values(columns).filter((heading) => !headings.includes(heading));
  if (missing.length > 0) return refuse('mic_list_malformed', `The list has no column ${missing.join(', ')}.`);

  const venues = new Map<Mic, ListedVenue>();
  const refusals: { line: number; code: string; detail: string }[] = [];
  for (const { line, cells } of rows) {
    const row = readRow((column) => (cells[headings.indexOf(columns[column])] ?? '').trim());
    if (!row.ok) refusals.push({ line, code: row.code, detail: row.detail });
    else if (venues.has(row.value.mic))
      refusals.push({ line, code: 'mic_listed_twice', detail: `The list names ${row.value.mic} on an earlier line.` });
    else venues.set(row.value.mic, row.value);
  }
  return accept({ venues: [...venues.values()], refusals });
}

function readRow(cell: Cell): Parsed<ListedVenue, string> {
  const mic = parseMic(cell('mic'));
  if (!mic.ok) return mic;
  const operatingMic = parseMic(cell('operatingMic'));
  if (!operatingMic.ok) return operatingMic;
  const status = cell('status');
  if (status !== 'ACTIVE' && status !== 'UPDATED' && status !== 'EXPIRED')
    return refuse('mic_status_unknown', `${mic.value} has a status other than ACTIVE, UPDATED and EXPIRED.`);
  const level = cell('level');
  if (level !== 'OPRT' && level !== 'SGMT')
    return refuse('mic_level_unknown', `${mic.value} is neither an operating MIC (OPRT) nor a segment (SGMT).`);
  const lei = cell('lei') === '' ? undefined : parseLei(cell('lei'));
  if (lei?.ok === false) return lei;
  const expiryDate = cell('expiryDate') === '' ? undefined : parseCompactDate(cell('expiryDate'));
  if (expiryDate?.ok === false) return expiryDate;
  return accept({
    mic: mic.value,
    operatingMic: operatingMic.value,
    segment: level === 'SGMT',
    name: cell('name'),
    category: cell('category'),
    country: cell('country'),
    status,
    ...(lei === undefined ? {} : { lei: lei.value }),
    ...(expiryDate === undefined ? {} : { expiryDate: expiryDate.value }),
  });
}

/** The list writes dates as YYYYMMDD; some copies of it as YYYY-MM-DD. */
function parseCompactDate(text: string): Parsed<string, 'date_malformed'> {
  return parseCalendarDate(/^\d{8}$/.test(text) ? `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6)}` : text);
}

/** If two entries have the same MIC, the first one wins. */
export function venueRegistry(venues: Iterable<Venue>): VenueRegistry {
  const byMic = new Map<string, Venue>();
  for (const venue of venues) if (!byMic.has(venue.mic)) byMic.set(venue.mic, venue);
  return { find: (mic) => byMic.get(mic) };
}
