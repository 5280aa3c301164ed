import { auditLogErrors, type EvidenceRecord, type LogEntry, type RecordDraft } from '@countersign/contracts';
import { canonicalize } from '@countersign/kernel';
import { maxEntrySize } from '@countersign/merkle-log';

/** What the log writes before the draft's own members: version and time, of constant length. */
const headLength = headOf('2026-01-01T00:00:00.000Z').length;

function headOf(time: string): string {
  return `{"v":1,"time":"${time}",`;
}

/** Where in a record its time stands; the first byte is 1, as SQL counts. */
export const timePlace = { from: '{"v":1,"time":"'.length + 1, length: '2026-01-01T00:00:00.000Z'.length } as const;

/**
 * The draft as JSON, written once when it arrives. The record is this text with a head before it, so that what is
 * hashed, stored and proved are the same bytes.
 *
 * @throws CodedError `record_too_large`; `not_canonicalizable` for a string with a lone surrogate, which a reader
 *   of the evidence could not hash
 */
export function draftJson(draft: RecordDraft): string {
  if ('v' in draft || 'time' in draft) throw new Error('version and time of a record are set by the log');
  const json = jsonOf(draft);
  // JSON.stringify escapes lone surrogates and nothing else in this way; the text may also just contain it.
  if (json.includes('\\ud')) canonicalize(JSON.parse(json));
  // Every UTF-16 code unit takes at least one byte and at most three.
  if (json.length * 3 + headLength > maxEntrySize && Buffer.byteLength(json) - 1 + headLength > maxEntrySize)
    throw auditLogErrors.error('record_too_large', 'A record of the audit log is at most 65,535 bytes long.');
  return json;
}

function jsonOf(draft: RecordDraft): string {
  const { dataText } = draft;
  if (dataText === undefined) return JSON.stringify(draft);
  if ('data' in draft) throw new Error('the data of a record are given as JSON or as text, not both');
  return `${JSON.stringify({ ...draft, dataText: undefined }).slice(0, -1)},"data":${dataText}}`;
}

/** The bytes of the record: the leaf of the log. */
export function recordBytes(json: string, time: string): Buffer {
  return Buffer.from(headOf(time) + json.slice(1));
}

/** The time that the log gave a record, from its head; undefined when these are not the bytes of a record. */
export function timeOf(bytes: Buffer): string | undefined {
  return /^\{"v":1,"time":"([^"]+)",/.exec(bytes.toString('utf8', 0, headLength))?.[1];
}

/** Reads back what {@link recordBytes} wrote and the database kept; only `verify` doubts these bytes. */
export function logEntry({ index, bytes }: { readonly index: bigint; readonly bytes: Buffer }): LogEntry {
  return { index, record: JSON.parse(bytes.toString()) as EvidenceRecord };
}
