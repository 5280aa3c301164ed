import { accept, type Parsed, refuse } from '../parsed.ts';
import type { Mic } from './mic.ts';

/** What is known of one venue, from the ISO 10383 list or from wherever a user keeps it. */
export interface Venue {
  readonly mic: Mic;
  /** Equal to `mic` for an operating MIC; the operator's MIC for a market segment. */
  readonly operatingMic: Mic;
  /** ISO 10383: an UPDATED venue is open, its entry was changed lately. */
  readonly status: 'ACTIVE' | 'UPDATED' | 'EXPIRED';
  /** First day on which the MIC is no longer valid, `YYYY-MM-DD`. */
  readonly expiryDate?: string;
  /** Market category, e.g. RMKT, MLTF, OTFS, SEFS. */
  readonly category: string;
}

export interface VenueRegistry {
  find(mic: Mic): Venue | undefined;
}

/**
 * Is there such a venue, and is its MIC valid at `at` (milliseconds since the epoch, read in UTC)?
 *
 * Fails closed where an entry contradicts itself: a venue marked EXPIRED is expired whatever its date says,
 * and a date that has come expires a venue whatever its status says.
 */
export function checkVenue(
  mic: Mic,
  registry: VenueRegistry,
  at: number,
): Parsed<Venue, 'mic_unknown' | 'mic_expired'> {
  const venue = registry.find(mic);
  if (venue === undefined) return refuse('mic_unknown', `No venue ${mic} is registered (ISO 10383).`);
  if (venue.status === 'EXPIRED' || hasCome(venue.expiryDate, at))
    return refuse(
      'mic_expired',
      `The MIC ${mic} expired${venue.expiryDate === undefined ? '' : ` on ${venue.expiryDate}`}.`,
    );
  return accept(venue);
}

function hasCome(expiryDate: string | undefined, at: number): boolean {
  if (expiryDate === undefined) return false;
  const expires = Date.parse(`${expiryDate}T00:00:00Z`);
  // A date or a time that cannot be read must not keep a venue open.
  return !(at < expires);
}
