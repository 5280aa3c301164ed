import { type DerReader, readDerSequence } from '../der/der-reader.ts';
import { derInteger, derNamedBits, derSequence, derUtf8 } from '../der/der-writer.ts';
import { readNamedBits, readSmallInteger, readUtf8 } from '../der/read-values.ts';
import { tags } from '../der/tags.ts';
import { x509Errors } from '../errors.ts';
import { maxTokenOctets } from './verify-time-stamp-token.ts';

/** Bits of PKIFailureInfo (RFC 3161 section 2.4.2). */
export const failureBits = {
  badAlg: 0,
  badRequest: 2,
  badDataFormat: 5,
  timeNotAvailable: 14,
  unacceptedPolicy: 15,
  unacceptedExtension: 16,
  addInfoNotAvailable: 17,
  systemFailure: 25,
} as const;
export type TimeStampFailure = keyof typeof failureBits;

/** TimeStampResp: a token, or why there is none in the authority's own words. */
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
 * Reads an answer; its token is still to be verified.
 *
 * @throws CodedError `der_malformed`, `timestamp_malformed`
 */
export function readTimeStampResponse(der: Uint8Array): TimeStampResponse {
  if (der.length > maxTokenOctets + maxStatusOctets)
    throw x509Errors.error('timestamp_malformed', 'The answer is too long.');
  const reader = readDerSequence(der);
  const info = reader.enter(tags.sequence);
  const token = reader.optional(tags.sequence);
  reader.end();
  const status = readSmallInteger(info.next(tags.integer));
  const text = readStatusText(info.enterOptional(tags.sequence));
  const bits = info.optional(tags.bitString);
  info.end();
  // 0 granted, 1 granted with modifications; a token is there then and only then.
  const granted = status === 0 || status === 1;
  if (granted !== (token !== undefined))
    throw x509Errors.error('timestamp_malformed', 'The answer and its status do not fit together.');
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
  return namesOf(failureBits).filter((name) => bits.has(failureBits[name]));
}

const namesOf = <Name extends string>(record: Readonly<Record<Name, unknown>>): Name[] => Object.keys(record) as Name[];

export function encodeGrantedResponse(token: Uint8Array): Uint8Array {
  return derSequence(derSequence(derInteger(0)), token);
}

/** Status `rejection`, with one failure and the reason in words. */
export function encodeRejectedResponse(failure: TimeStampFailure, text: string): Uint8Array {
  return derSequence(derSequence(derInteger(2), derSequence(derUtf8(text)), derNamedBits([failureBits[failure]])));
}
