import type { EvidenceQuery, EvidenceRecord } from '@countersign/contracts';
import { parseInstant } from '@countersign/kernel';
import { restsOnTerm, termsAskedBy, termsOf } from './terms-of-record.ts';

/** Does a query find this record, wherever it lies? All that is asked must hold; `after` and `limit` are no question. */
export function matches(query: Omit<EvidenceQuery, 'after' | 'limit'>, record: EvidenceRecord): boolean {
  const { transaction, decision, types, from, until } = query;
  if (transaction !== undefined && record.transaction !== transaction) return false;
  if (types !== undefined && !types.includes(record.type)) return false;
  if (from !== undefined || until !== undefined) {
    const time = parseInstant(record.time);
    if (time === undefined || time < (from ?? time) || time >= (until ?? time + 1)) return false;
  }
  const asked = termsAskedBy(query);
  if (asked.length === 0 && decision === undefined) return true;
  const terms = new Set(termsOf(record));
  if (!asked.every((term) => terms.has(term))) return false;
  return decision === undefined || record.id === decision || terms.has(restsOnTerm(decision));
}
