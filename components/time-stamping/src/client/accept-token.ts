import { type TimeStamp, timeStampErrors } from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import { type TimeStampTrust, verifyTimeStampToken } from '@countersign/x509';

export interface AcceptedTokens {
  readonly trusted: TimeStampTrust;
  /** Object identifiers; any by default. */
  readonly policies?: readonly string[];
}

/** A token must fit into a record of the log. */
const maxKeptOctets = 32_768;
/** Tolerated difference between the authority's clock and ours, besides its accuracy. */
const maxSkewMs = 60_000;

/** Verifies a token (RFC 3161 section 2.2). @throws CodedError `timestamp_invalid` */
export function acceptToken(
  came: { readonly token: Uint8Array; readonly digest: Uint8Array; readonly nonce?: bigint },
  { trusted, policies }: AcceptedTokens,
  clock: Clock,
): TimeStamp {
  if (came.token.length > maxKeptOctets) throw invalid(`The token is longer than ${maxKeptOctets} octets.`);
  const verdict = verifyTimeStampToken({ ...came, trusted, ...(policies === undefined ? {} : { policies }) });
  if (!verdict.ok) throw invalid(`${verdict.detail} (${verdict.reason})`);
  const { time, milliseconds, accuracyMicroseconds, policy, serial } = verdict.timeStamp;
  // The nonce proves freshness, so a different time means that one of the clocks is wrong.
  const skew = Math.abs(clock.now() - milliseconds);
  if (skew > maxSkewMs + (accuracyMicroseconds ?? 0) / 1000)
    throw invalid(`Its time is ${Math.round(skew / 1000)} s from ours.`);
  return {
    token: came.token,
    time,
    ...(accuracyMicroseconds === undefined ? {} : { accuracyMs: accuracyMicroseconds / 1000 }),
    policy,
    serial,
  };
}

function invalid(detail: string) {
  return timeStampErrors.error('timestamp_invalid', `The time stamp cannot be used. ${detail}`);
}
