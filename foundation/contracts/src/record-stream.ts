import type { MessagePort } from 'node:worker_threads';
import type { RecordType } from './record-types.ts';

/** A stretch of the log, for those who read a great deal of it with what is told to few. */
export interface RecordStreamQuery {
  readonly types: readonly RecordType[];
  /** Records from this moment on, and before that one; milliseconds since the epoch. */
  readonly from?: number;
  readonly until?: number;
  /** Protected values that are read with each record, as JSON pointers (RFC 6901); at most 8. */
  readonly values: readonly string[];
}

/**
 * Records in the order of the log, read and opened in a thread of their own, so that whoever serves others goes on doing
 * so. Pages come through a port, which can be handed to the thread that works on them: each is asked for by
 * `{ say: 'next' }`, and one may be asked for while another is being worked on.
 * It fails when nobody asks for five minutes.
 */
export interface RecordStream {
  /** {@link ToRecordStream} goes in, {@link FromRecordStream} comes out. It closes when the reading thread is gone. */
  readonly port: MessagePort;
  /** Ends the reading, wherever it is. */
  stop(): Promise<void>;
}

export interface ToRecordStream {
  readonly say: 'next';
}

export type FromRecordStream =
  | { readonly say: 'page'; readonly page: RecordPage }
  /** There is no more. */
  | { readonly say: 'end' }
  /** It could not be read on. @property detail for the log of the process */
  | { readonly say: 'failed'; readonly detail: string };

/** What comes of {@link RecordPages}. */
export type FromRecordPages =
  | {
      readonly say: 'page';
      /** As {@link RecordPage}, with what every process can be sent. */
      readonly page: { readonly records: number; readonly bytes: Uint8Array; readonly ends: readonly number[] };
    }
  | Exclude<FromRecordStream, { readonly say: 'page' }>;

/**
 * The same for other processes, which no port can be handed to: pages are asked for one after the other. A stream that nobody asks
 * for five minutes is gone.
 */
export interface RecordPages {
  /** @returns the name of the stream, which only its reader knows. @throws CodedError as `stream` */
  openPages(query: RecordStreamQuery): Promise<string>;
  /** The next page. Not to be repeated: a page that was lost on its way does not come again, and the stream is then of no use. */
  nextPage(stream: string): Promise<FromRecordPages>;
  /** Ends the reading, wherever it is; idempotent. */
  closePages(stream: string): Promise<void>;
}

/** Records and their values, as bytes that change hands without being copied. Read it by {@link pieceOf}. */
export interface RecordPage {
  readonly records: number;
  /** UTF-8: of each record the text as it stands in the log, and behind it that of each value asked for. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /**
   * Where each of these texts ends, in bytes. A value that the record does not protect, or that cannot be read (erased,
   * of another region, altered), is empty: which of the two, the record's `protected` tells.
   */
  readonly ends: Uint32Array<ArrayBuffer>;
}

/**
 * A text of a page.
 *
 * @param piece 0 for the record as it stands in the log, then 1 for the first value asked for, and so on
 * @param pieces one more than values were asked for
 */
export function pieceOf({ bytes, ends }: RecordPage, record: number, piece: number, pieces: number): string {
  const place = record * pieces + piece;
  const from = place === 0 ? 0 : (ends[place - 1] ?? 0);
  const until = ends[place] ?? from;
  return from === until ? '' : Buffer.from(bytes.buffer, bytes.byteOffset + from, until - from).toString();
}
