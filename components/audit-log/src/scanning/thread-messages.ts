import type { MessagePort } from 'node:worker_threads';
import type { EvidenceRecord } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import type { LentKeys } from '../protection/protection.ts';
import type { BulkConnection } from '../store/bulk-reader.ts';

/** What the thread of a stream is given when it starts. */
export interface StreamTask {
  readonly connection: BulkConnection;
  /** Places between two, both exclusive. */
  readonly stretch: { readonly types: readonly string[]; readonly after: bigint; readonly before: bigint };
  /** JSON pointers. */
  readonly values: readonly string[];
  /** To who reads the stream. */
  readonly consumer: MessagePort;
}

/** A record with commitments that the thread could not open. */
export type UnopenedRecord = Required<Pick<EvidenceRecord, 'id' | 'protected'>>;

/** Of each record the texts that could be opened after all, by their paths. */
export type OpenedTexts = readonly ReadonlyMap<string, string>[];

/** Questions of the thread to the one that has the keys. */
export interface AskedOfKeeper {
  keys(ids: readonly string[]): Promise<LentKeys>;
  open(records: readonly UnopenedRecord[]): Promise<OpenedTexts>;
}

/** @property question a number by which its answer is known */
export type ToKeeper = { readonly question: number } & (
  | { readonly ask: 'keys'; readonly ids: readonly string[] }
  | { readonly ask: 'open'; readonly records: readonly UnopenedRecord[] }
);

export type FromKeeper = { readonly question: number } & (
  | { readonly answer: 'lent'; readonly lent: LentKeys }
  | { readonly answer: 'opened'; readonly texts: OpenedTexts }
  | { readonly answer: 'failed'; readonly detail: string }
);

/** For the log of the process. */
export function detailOf(error: unknown): string {
  if (isCodedError(error)) return error.internal ?? error.code;
  // Of several addresses that could not be reached, the driver's error says nothing itself.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(detailOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
