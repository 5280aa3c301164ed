import { auditLogErrors, type EvidenceRecord, type LogEntry, type RecordDraft } from '@countersign/contracts';
import { canonicalize, type RecordId } from '@countersign/kernel';
import { maxEntrySize } from '@countersign/merkle-log';
import { headLength, headOf } from './record-places.ts';

const membersOfTheLog = ['v', 'time', 'stream', 'number', 'clock', 'protected'] as const;

export interface Origin {
  readonly stream: string;
  /** From 1, without gaps. */
  readonly number: number;
  /** The newest `clock.measured` record. */
  readonly clock: RecordId | undefined;
}

/** @throws CodedError `record_too_large`; `not_canonicalizable` for a lone surrogate, which a reader could not hash */
export function draftJson(draft: Omit<RecordDraft, 'protectedValues'>): string {
  if (membersOfTheLog.some((name) => name in draft))
    throw new Error(`the members ${membersOfTheLog.join(', ')} of a record are set by the log`);
  const json = JSON.stringify(draft);
  // JSON.stringify escapes lone surrogates in this way; the text may also contain it literally.
  if (json.includes('\\ud')) canonicalize(JSON.parse(json));
  checkLength(json);
  return json;
}

/** A record without its head. @param commitments JSON of the member `protected` */
export function recordRest({ stream, number, clock }: Origin, json: string, commitments: string | undefined): string {
  const measured = clock === undefined ? '' : `,"clock":"${clock}"`;
  const open = `"stream":"${stream}","number":${number}${measured},${json.slice(1)}`;
  return commitments === undefined ? open : `${open.slice(0, -1)},"protected":${commitments}}`;
}

const longestOrigin: Origin = {
  stream: `src_${'0'.repeat(26)}`,
  number: Number.MAX_SAFE_INTEGER,
  // Only its length matters.
  clock: `rec_${'0'.repeat(26)}` as RecordId,
};
/** Most bytes added to a draft, without commitments and with them. */
const [maxAdded, maxAddedAround] = [undefined, ''].map(
  (commitments) => recordRest(longestOrigin, '{}', commitments).length - '{}'.length,
) as [number, number];

/** Checks the size for any origin. @throws CodedError `record_too_large` */
export function checkRecordLength(json: string, commitments: string | undefined): void {
  if (commitments === undefined) checkLength(json, maxAdded);
  else checkLength(json + commitments, maxAddedAround);
}

function checkLength(text: string, besides = 0): void {
  const length = headLength + besides;
  // A UTF-16 code unit takes one to three bytes.
  if (text.length * 3 + length > maxEntrySize && Buffer.byteLength(text) + length > maxEntrySize)
    throw auditLogErrors.error('record_too_large', 'A record of the audit log is at most 65,535 bytes long.');
}

/** The leaf of the log: the same bytes are hashed, stored and proved. */
export function recordBytes(rest: string, time: string): Buffer {
  return Buffer.from(headOf(time) + rest);
}

const head = /^\{"v":[12],"time":"([^"]+)",/;

/** Undefined if these are not the bytes of a record. */
export function timeOf(bytes: Buffer): string | undefined {
  return head.exec(bytes.toString('utf8', 0, headLength))?.[1];
}

/** Trusts the stored bytes; `verify` checks them. */
export function logEntry({ index, bytes }: { readonly index: bigint; readonly bytes: Buffer }): LogEntry {
  // The log wrote these octets; their hash is in its tree.
  return { index, record: JSON.parse(bytes.toString()) as EvidenceRecord };
}
