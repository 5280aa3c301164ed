import type { MessagePort } from 'node:worker_threads';
import type { EvidenceRecord } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import type { LentKeys } from '../protection/protection.ts';
import type { BulkConnection } from '../store/bulk-reader.ts';

export interface StreamTask {
  readonly connection: BulkConnection;
  /** Both exclusive. */
  readonly stretch: { readonly types: readonly string[]; readonly after: bigint; readonly before: bigint };
  /** JSON pointers. */
  readonly values: readonly string[];
  readonly consumer: MessagePort;
}

export type UnopenedRecord = Required<Pick<EvidenceRecord, 'id' | 'protected'>>;

/** By path, for each record. */
export type OpenedTexts = readonly ReadonlyMap<string, string>[];

export interface AskedOfKeeper {
  keys(ids: readonly string[]): Promise<LentKeys>;
  open(records: readonly UnopenedRecord[]): Promise<OpenedTexts>;
}

export type ToKeeper = { readonly question: number } & (
  | { readonly ask: 'keys'; readonly ids: readonly string[] }
  | { readonly ask: 'open'; readonly records: readonly UnopenedRecord[] }
);

export type FromKeeper = { readonly question: number } & (
  | { readonly answer: 'lent'; readonly lent: LentKeys }
  | { readonly answer: 'opened'; readonly texts: OpenedTexts }
  | { readonly answer: 'failed'; readonly detail: string }
);

/** For the server log. */
export function detailOf(error: unknown): string {
  if (isCodedError(error)) return error.internal ?? error.code;
  // If several addresses cannot be reached, the driver's error has no message of its own.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(detailOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
