import type { ProtectedValue, RecordDraft } from '@countersign/contracts';
import { type Clock, type Json, newId, type Random, type RecordId } from '@countersign/kernel';
import type { StoredTransaction } from './store/store.ts';
import type { Asked } from './transition-request.ts';

export function recordAbout(
  transaction: StoredTransaction,
  from: { readonly clock: Clock; readonly random: Random },
): Pick<RecordDraft, 'id' | 'source' | 'transaction' | 'mandate' | 'intent'> {
  return { ...changeAbout(transaction), id: newId('record', from) };
}

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

/** Restricted values for members of `data` that reveal what an institution will trade. @param institution LEI */
export function strategyOf(
  institution: string,
  members: Readonly<Record<string, Json | undefined>>,
): readonly ProtectedValue[] {
  return Object.entries(members).flatMap(([name, value]) =>
    value === undefined || isEmpty(value)
      ? []
      : [{ path: `/data/${name}`, kind: 'strategy', subject: institution, value }],
  );
}

export function isEmpty(value: Json): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

/** Each record once, in the order of first mention. */
export function referencesTo(...records: readonly (RecordId | undefined)[]): readonly RecordId[] {
  return [...new Set(records.filter((record) => record !== undefined))];
}

type AskedBody = Pick<Asked, 'body' | 'bodyDigest' | 'institution'>;

/** Only of an empty body: prices and quantities could be guessed from the digest of another. */
export function openDigest({ body, bodyDigest }: AskedBody): { readonly body_digest?: Json } {
  // A body is parsed from JSON.
  return isEmpty(body as Json) ? { body_digest: bodyDigest } : {};
}

export function openPayload({ body, bodyDigest }: AskedBody): Pick<RecordDraft, 'payload'> {
  // A body is parsed from JSON.
  return isEmpty(body as Json) ? { payload: bodyDigest } : {};
}

/** What {@link openDigest} leaves out. */
export function restrictedDigest({ body, bodyDigest, institution }: AskedBody): readonly ProtectedValue[] {
  // A body is parsed from JSON.
  return isEmpty(body as Json) ? [] : strategyOf(institution, { body_digest: bodyDigest });
}
