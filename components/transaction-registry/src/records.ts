import type { RecordDraft } from '@countersign/contracts';
import type { Clock, Random } from '@countersign/kernel';
import { newId, type RecordId } from '@countersign/kernel';
import type { StoredTransaction } from './store.ts';

/** What every record about a transaction says, whatever happened. */
export function recordAbout(
  transaction: StoredTransaction,
  from: { readonly clock: Clock; readonly random: Random },
): Pick<RecordDraft, 'id' | 'source' | 'transaction' | 'mandate' | 'intent'> {
  return {
    id: newId('record', from),
    source: 'transaction-registry',
    transaction: transaction.id,
    mandate: { id: transaction.mandate.id, version: transaction.mandate.version },
    intent: transaction.intentDigest,
  };
}

/** Each record once, in the order of first mention. */
export function referencesTo(...records: readonly (RecordId | undefined)[]): readonly RecordId[] {
  return [...new Set(records.filter((record) => record !== undefined))];
}
