import { parseInstant } from '@countersign/kernel';
import { malformedDer } from '../errors.ts';
import { type DerElement, tags } from './der-reader.ts';

/** A time as it is encoded. */
export interface DerTime {
  /** RFC 3339 in UTC, with the fraction as encoded. */
  readonly text: string;
  /** Milliseconds since the epoch, rounded down. */
  readonly milliseconds: number;
}

// X.690 section 11.7: seconds always, a fraction without trailing zeros, always Z.
const generalizedTime = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\.\d{0,8}[1-9])?Z$/;
const utcTime = /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/;

/** GeneralizedTime with at most nine fractional digits (RFC 3161 section 2.4.2). @throws CodedError `der_malformed` */
export function readGeneralizedTime({ content }: DerElement): DerTime {
  const fields = generalizedTime.exec(latin1(content));
  if (fields === null) throw malformedDer('invalid time format');
  const [, year = '', month, day, hour, minute, second, fraction = ''] = fields;
  return timeOf(year, [month, day, hour, minute, second], fraction);
}

/**
 * `Time` of a certificate (RFC 5280 section 4.1.2.5): UTCTime for 1950 to 2049, or GeneralizedTime.
 *
 * @returns milliseconds since the epoch
 * @throws CodedError `der_malformed`
 */
export function readCertificateTime(element: DerElement): number {
  if (element.tag === tags.generalizedTime) return readGeneralizedTime(element).milliseconds;
  const fields = element.tag === tags.utcTime ? utcTime.exec(latin1(element.content)) : null;
  if (fields === null) throw malformedDer('invalid time format');
  const [, year = '', month, day, hour, minute, second] = fields;
  return timeOf(`${Number(year) < 50 ? '20' : '19'}${year}`, [month, day, hour, minute, second], '').milliseconds;
}

function timeOf(year: string, rest: readonly (string | undefined)[], fraction: string): DerTime {
  const [month, day, hour, minute, second] = rest;
  const text = `${year}-${month}-${day}T${hour}:${minute}:${second}${fraction}Z`;
  const milliseconds = parseInstant(text);
  if (milliseconds === undefined) throw malformedDer('a date or time that does not exist');
  return { text, milliseconds };
}

/** Empty text, which matches no pattern, when there are more octets than a time has. */
function latin1(content: Uint8Array): string {
  return content.length > 32 ? '' : String.fromCharCode(...content);
}
