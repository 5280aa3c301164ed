import { type Disclosure, type EvidenceRecord, insertValue, readPointer } from '@countersign/contracts';
import type { OpenedValue } from '../protection/protection.ts';

export type ValueState = 'disclosed' | 'withheld' | Exclude<OpenedValue['state'], 'open'>;

export interface DisclosedRecord {
  readonly record: EvidenceRecord;
  readonly values: Readonly<Record<string, ValueState>>;
  /** With the salts, so that the reader can check the commitments. */
  readonly disclosures: readonly Disclosure[];
}

/** Restores the values of a record that `isShown` allows. */
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
    const filled = insertValue({ ...shown }, readPointer(path) ?? [], JSON.parse(text));
    shown = { ...shown, ...filled };
    values[path] = 'disclosed';
    disclosures.push({ record: record.id, path, salt: salt.toString('base64url'), text });
  }
  return { record: shown, values, disclosures };
}
