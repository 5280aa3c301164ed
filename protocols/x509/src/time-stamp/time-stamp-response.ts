import {
  type DerReader,
  derInteger,
  derNamedBits,
  derSequence,
  derUtf8,
  readDerSequence,
  readNamedBits,
  readSmallInteger,
  readUtf8,
  tags,
} from '../der/index.ts';
import { x509Errors } from '../errors.ts';
import { maxTokenOctets } from './verify-time-stamp-token.ts';

const failures = [
  'badAlg',
  'badRequest',
  'badDataFormat',
  'timeNotAvailable',
  'unacceptedPolicy',
  'unacceptedExtension',
  'addInfoNotAvailable',
  'systemFailure',
] as const;
export type TimeStampFailure = (typeof failures)[number];
/** Bits of PKIFailureInfo (RFC 3161 section 2.4.2). */
const failureBits: Readonly<Record<TimeStampFailure, number>> = {
  badAlg: 0,
  badRequest: 2,
  badDataFormat: 5,
  timeNotAvailable: 14,
  unacceptedPolicy: 15,
  unacceptedExtension: 16,
  addInfoNotAvailable: 17,
  systemFailure: 25,
};

/** TimeStampResp: a token, or the authority's reasons for refusing. */
export type TimeStampResponse =
  | { readonly granted: true; readonly token: Uint8Array }
  | {
      readonly granted: false;
      /** PKIStatus: 2 rejection, 3 waiting, 4 revocationWarning, 5 revocationNotification. */
      readonly status: number;
      readonly failures: readonly TimeStampFailure[];
      readonly text: string;
    };

const maxStatusTexts = 8;
const maxStatusOctets = 4_096;

/**
 * Reads a response. The token in it is not verified.
 *
 * @throws CodedError `der_malformed`, `timestamp_malformed`
 */
export function readTimeStampResponse(der: Uint8Array): TimeStampResponse {
  if (der.length > maxTokenOctets + maxStatusOctets)
    throw x509Errors.error('timestamp_malformed', 'The response is too long.');
  const reader = readDerSequence(der);
  const info = reader.enter(tags.sequence);
  const token = reader.optional(tags.sequence);
  reader.end();
  const status = readSmallInteger(info.next(tags.integer));
  const text = readStatusText(info.enterOptional(tags.sequence));
  const bits = info.optional(tags.bitString);
  info.end();
  // 0 granted, 1 granted with modifications: only then is there a token.
  const granted = status === 0 || status === 1;
  if (granted !== (token !== undefined))
    throw x509Errors.error('timestamp_malformed', 'The status of the response contradicts its content.');
  if (token !== undefined) return { granted: true, token: Uint8Array.from(token.encoding) };
  return { granted: false, status, failures: bits === undefined ? [] : failuresOf(readNamedBits(bits)), text };
}

function readStatusText(list: DerReader | undefined): string {
  const texts: string[] = [];
  while (list !== undefined && !list.done && texts.length < maxStatusTexts)
    texts.push(readUtf8(list.next(tags.utf8String)));
  return texts.join(' ');
}

function failuresOf(bits: ReadonlySet<number>): readonly TimeStampFailure[] {
  return failures.filter((name) => bits.has(failureBits[name]));
}

export function encodeGrantedResponse(token: Uint8Array): Uint8Array {
  return derSequence(derSequence(derInteger(0)), token);
}

/** Status `rejection` with one failure bit and a reason as text. */
export function encodeRejectedResponse(failure: TimeStampFailure, text: string): Uint8Array {
  return derSequence(derSequence(derInteger(2), derSequence(derUtf8(text)), derNamedBits([failureBits[failure]])));
}
