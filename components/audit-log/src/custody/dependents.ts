import { termNumber, termsOf } from '../query/terms-of-record.ts';
import type { BesideRecord, TermAt } from '../store/custody.ts';
import type { DueRecord } from './what-stays.ts';

/** A record that goes. */
export type DroppedRecord = Pick<DueRecord, 'index' | 'recordId' | 'record'>;

/** What is kept beside records that go. */
export function keptBeside(going: readonly DroppedRecord[]): readonly BesideRecord[] {
  return going.flatMap(({ recordId, record }) =>
    [...new Set(Object.values(record.protected ?? {}).map(({ key }) => key))].map((key) => ({ key, record: recordId })),
  );
}

/** What was drawn from records that are gone. */
export function drawnFrom(gone: readonly DroppedRecord[]): readonly TermAt[] {
  return gone.flatMap(({ index, record }) => termsOf(record).map((term) => ({ term: termNumber(term), index })));
}
