import { accept, type Parsed, refuse } from '../parsed.ts';
import type { Mic } from './mic.ts';

export interface Venue {
  readonly mic: Mic;
  /** Equal to `mic` for an operating MIC; the operator's MIC for a market segment. */
  readonly operatingMic: Mic;
  /** ISO 10383: an UPDATED venue is open and its entry has changed recently. */
  readonly status: 'ACTIVE' | 'UPDATED' | 'EXPIRED';
  /** First day on which the MIC is no longer valid, `YYYY-MM-DD`. */
  readonly expiryDate?: string;
  readonly category: string;
}

export interface VenueRegistry {
  find(mic: Mic): Venue | undefined;
}

/**
 * Fails closed: the status EXPIRED or a past expiry date makes the venue expired.
 *
 * @param at milliseconds since the epoch, read in UTC
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
  // Fails closed: an unreadable date or time (NaN) counts as expired.
  return !(at < expires);
}
