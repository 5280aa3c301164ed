import type { ProtectedValue, RecordDraft } from '@countersign/contracts';
import type { Clock, Json, Random } from '@countersign/kernel';
import { newId, type RecordId } from '@countersign/kernel';
import type { StoredTransaction } from './store.ts';

/** What every record about a transaction says, whatever happened. */
export function recordAbout(
  transaction: StoredTransaction,
  from: { readonly clock: Clock; readonly random: Random },
): Pick<RecordDraft, 'id' | 'source' | 'transaction' | 'mandate' | 'intent'> {
  return { ...changeAbout(transaction), id: newId('record', from) };
}

/** The same of a record that changes it: its id follows from the change before. */
export function changeAbout(
  transaction: StoredTransaction,
): Pick<RecordDraft, 'source' | 'transaction' | 'mandate' | 'intent'> {
  return {
    source: 'transaction-registry',
    transaction: transaction.id,
    mandate: { id: transaction.mandate.id, version: transaction.mandate.version },
    intent: transaction.intentDigest,
  };
}

/**
 * Members of `data` by which it could be seen what an institution means to trade, and how. What says nothing is left out:
 * it stands in the record as it is.
 *
 * @param institution LEI, whose it is
 */
export function strategyOf(
  institution: string,
  members: Readonly<Record<string, Json | undefined>>,
): readonly ProtectedValue[] {
  return Object.entries(members).flatMap(([name, value]) =>
    value === undefined || saysNothing(value)
      ? []
      : [{ path: `/data/${name}`, kind: 'strategy', subject: institution, value }],
  );
}

/** An object or a list without members. */
export function saysNothing(value: Json): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

/** Each record once, in the order of first mention. */
export function referencesTo(...records: readonly (RecordId | undefined)[]): readonly RecordId[] {
  return [...new Set(records.filter((record) => record !== undefined))];
}
