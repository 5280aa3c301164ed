import type { MessagePort } from 'node:worker_threads';
import type { RecordType } from './record-types.ts';

/** A range of the log for bulk readers of restricted values. */
export interface RecordStreamQuery {
  readonly types: readonly RecordType[];
  /** From (inclusive) and until (exclusive), in milliseconds since the epoch. */
  readonly from?: number;
  readonly until?: number;
  /** Protected values to read with each record, as JSON pointers (RFC 6901); at most 8. */
  readonly values: readonly string[];
}

/**
 * Records in log order, read and decrypted in a separate thread so that the main thread stays responsive. Pages arrive through a
 * port, which can be transferred to the thread that uses them. Each page is requested with `{ say: 'next' }`; the next one can be
 * requested early. The stream fails after five minutes without a request.
 */
export interface RecordStream {
  /** Send {@link ToRecordStream}, receive {@link FromRecordStream}. Closes when the reading thread ends. */
  readonly port: MessagePort;
  stop(): Promise<void>;
}

export interface ToRecordStream {
  readonly say: 'next';
}

export type FromRecordStream =
  | { readonly say: 'page'; readonly page: RecordPage }
  | { readonly say: 'end' }
  /** Reading failed. @property detail for the process's own log */
  | { readonly say: 'failed'; readonly detail: string };

/** Answers of {@link RecordPages}. */
export type FromRecordPages =
  | {
      readonly say: 'page';
      /** A {@link RecordPage} in a form that can be sent to another process. */
      readonly page: { readonly records: number; readonly bytes: Uint8Array; readonly ends: readonly number[] };
    }
  | Exclude<FromRecordStream, { readonly say: 'page' }>;

/**
 * A {@link RecordStream} for other processes, to which a port cannot be transferred: pages are requested one at a time. A stream
 * ends after five minutes without a request.
 */
export interface RecordPages {
  /** @returns the name of the stream, which only its reader knows. @throws CodedError as `stream` */
  openPages(query: RecordStreamQuery): Promise<string>;
  /** The next page. Do not repeat it: a lost page is not sent again, and the stream must then be opened anew. */
  nextPage(stream: string): Promise<FromRecordPages>;
  /** Stops reading; idempotent. */
  closePages(stream: string): Promise<void>;
}

/** Records and their values as transferable bytes. Read it with {@link pieceOf}. */
export interface RecordPage {
  readonly records: number;
  /** UTF-8: for each record its text in the log, followed by the text of each requested value. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /**
   * End offset of each text in bytes. A value is empty when the record does not protect it or it cannot be read (erased, of
   * another region, altered); the record's `protected` tells which.
   */
  readonly ends: Uint32Array<ArrayBuffer>;
}

/**
 * One text of a page.
 *
 * @param piece 0 for the record, 1 for the first requested value, and so on
 * @param pieces number of requested values plus one
 */
export function pieceOf({ bytes, ends }: RecordPage, record: number, piece: number, pieces: number): string {
  const place = record * pieces + piece;
  const from = place === 0 ? 0 : (ends[place - 1] ?? 0);
  const until = ends[place] ?? from;
  return from === until ? '' : Buffer.from(bytes.buffer, bytes.byteOffset + from, until - from).toString();
}
