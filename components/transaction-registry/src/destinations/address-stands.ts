import { transactionErrors } from '@countersign/contracts';
import { type CodedError, type IntentDigest, parseId } from '@countersign/kernel';
import type { Withdrawal } from '@countersign/market';
import type { Attempt } from '../attempt.ts';
import type { StoredTransaction, Unit } from '../store.ts';

/** The address of a withdrawal: what stands, or why it may not be sent to. */
export type AddressStanding =
  | { readonly stands: true; readonly digest: IntentDigest | null }
  | { readonly stands: false; readonly fault: CodedError };

const nothingToAsk: AddressStanding = { stands: true, digest: null };

/**
 * The address that a withdrawal names is the transaction that brought it into the address book. When the withdrawal is
 * requested the entry is active, of the same institution, for the same asset on the same chain; its intent is noted by
 * digest. When it is released the entry is active still, and is the one that was noted: what the approvers saw is where
 * it goes.
 */
export async function addressStanding(
  { asked, transaction }: Pick<Attempt, 'asked' | 'transaction'>,
  unit: Pick<Unit, 'share'>,
): Promise<AddressStanding> {
  const { detail } = transaction;
  if (detail.type !== 'urn:countersign:rar:v1:withdrawal') return nothingToAsk;
  if (asked.event !== 'request' && asked.event !== 'release')
    return { stands: true, digest: transaction.destinationDigest };
  const id = parseId('transaction', detail.address_id);
  const entry = id === undefined ? undefined : await unit.share(id);
  if (entry === undefined || !isEntryFor(entry, transaction, detail))
    return unknown('is no entry of the address book for this asset');
  if (entry.state !== 'active') return unknown(`is ${entry.state}`);
  if (asked.event === 'release' && transaction.destinationDigest !== entry.intentDigest)
    return unknown('is not the one that was asked for and approved');
  return { stands: true, digest: entry.intentDigest };
}

/** Whether an entry of the address book is of the same institution, for the same asset on the same chain. */
export function isEntryFor(
  { detail, initiatorInstitution }: StoredTransaction,
  withdrawal: StoredTransaction,
  { asset, chain_id, entity_lei }: Withdrawal,
): boolean {
  return (
    detail.type === 'urn:countersign:rar:v1:address_book_change' &&
    initiatorInstitution === withdrawal.initiatorInstitution &&
    detail.entity_lei === entity_lei &&
    detail.asset.dti === asset.dti &&
    detail.chain_id === chain_id
  );
}

function unknown(what: string): AddressStanding {
  return {
    stands: false,
    fault: transactionErrors.error('destination_unknown', `The address that the withdrawal names ${what}.`),
  };
}
