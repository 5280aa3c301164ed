import { type Disclosure, type EvidenceRecord, insertValue, readPointer } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';
import type { OpenedValue } from '../protection/protection.ts';

/** What became of a protected value of a record in an answer. */
export type ValueState = 'disclosed' | 'withheld' | Exclude<OpenedValue['state'], 'open'>;

export interface DisclosedRecord {
  /** With the values that are disclosed in their places. */
  readonly record: EvidenceRecord;
  /** Of every protected value, by its pointer. */
  readonly values: Readonly<Record<string, ValueState>>;
  /** With the salts, so that the reader can check the commitments. */
  readonly disclosures: readonly Disclosure[];
}

/**
 * Shows of a record what may be shown.
 *
 * @param record as it stands in the log
 * @param isShown whether this value is wanted, and may be seen by who wants it
 */
export function disclose(
  record: EvidenceRecord,
  opened: readonly OpenedValue[],
  isShown: (value: OpenedValue) => boolean,
): DisclosedRecord {
  let shown: EvidenceRecord = record;
  const values: Record<string, ValueState> = {};
  const disclosures: Disclosure[] = [];
  for (const value of opened) {
    const { path, state } = value;
    if (state !== 'open' || !isShown(value)) {
      values[path] = state === 'open' ? 'withheld' : state;
      continue;
    }
    const { salt, text } = value;
    const filled = insertValue({ ...shown }, readPointer(path) ?? [], JSON.parse(text) as Json);
    shown = { ...shown, ...filled };
    values[path] = 'disclosed';
    disclosures.push({ record: record.id, path, salt: salt.toString('base64url'), text });
  }
  return { record: shown, values, disclosures };
}
