import type { ProtectedValue, RecordDraft } from '@countersign/contracts';
import { type Clock, type Json, newId, type Random, type RecordId } from '@countersign/kernel';
import type { StoredTransaction } from './store/store.ts';
import type { Asked } from './transition-request.ts';

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

type AskedBody = Pick<Asked, 'body' | 'bodyDigest' | 'institution'>;

/**
 * The digest of a body, for the record of the step that it was sent with. A price and a quantity are few enough to be tried
 * out on a digest, one after the other: where the body says anything, its digest is told to those who are told the body. In
 * the open the commitment stands for it, which has a salt.
 */
export function digestInTheOpen({ body, bodyDigest }: AskedBody): { readonly body_digest?: Json } {
  return saysNothing(body as Json) ? { body_digest: bodyDigest } : {};
}

/** As {@link digestInTheOpen}, of the payload of the request. */
export function payloadInTheOpen({ body, bodyDigest }: AskedBody): Pick<RecordDraft, 'payload'> {
  return saysNothing(body as Json) ? { payload: bodyDigest } : {};
}

/** What {@link digestInTheOpen} leaves out. */
export function digestToldToFew({ body, bodyDigest, institution }: AskedBody): readonly ProtectedValue[] {
  return saysNothing(body as Json) ? [] : strategyOf(institution, { body_digest: bodyDigest });
}
