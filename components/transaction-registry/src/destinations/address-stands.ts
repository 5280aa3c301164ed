import { transactionErrors } from '@countersign/contracts';
import { type CodedError, type IntentDigest, parseId } from '@countersign/kernel';
import type { Withdrawal } from '@countersign/market';
import type { Unit } from '../proof/proven-store.ts';
import type { StoredTransaction } from '../store/store.ts';
import type { Asked } from '../transition-request.ts';

/** Whether the destination of a withdrawal or settlement may be used, with the digest of its address book entry. */
type AddressStanding =
  | { readonly stands: true; readonly digest: IntentDigest | null }
  | { readonly stands: false; readonly fault: CodedError };

export type AddressBook = Pick<Unit, 'entry' | 'activeEntries'>;

/**
 * Assets go only to active address book entries. The digest of the entry, stored at request or instruction, must be
 * the same at release: they go where the approvers saw.
 */
export async function addressStanding(
  { asked, transaction }: { readonly asked: Pick<Asked, 'event'>; readonly transaction: StoredTransaction },
  book: AddressBook,
): Promise<AddressStanding> {
  const { destinationDigest } = transaction;
  switch (asked.event) {
    case 'request':
    case 'instruct':
    case 'release': {
      const standing = await entryStanding(transaction, book);
      return standing.stands && asked.event === 'release' && destinationDigest !== standing.digest
        ? unknown(transaction, 'differs from the one that was requested and approved')
        : standing;
    }
    default:
      return { stands: true, digest: destinationDigest };
  }
}

/** Whether the destination of an intent is an active address book entry; always valid for an intent that sends nothing. */
export async function entryStanding(transaction: StoredTransaction, book: AddressBook): Promise<AddressStanding> {
  const { detail } = transaction;
  switch (detail.type) {
    case 'urn:countersign:rar:v1:withdrawal': {
      const id = parseId('transaction', detail.address_id);
      const entry = id === undefined ? undefined : await book.entry(id);
      if (entry === undefined || !isEntryFor(entry, transaction, detail))
        return unknown(transaction, 'is not an address book entry for this asset');
      return entry.state === 'active'
        ? { stands: true, digest: entry.intentDigest }
        : unknown(transaction, `is ${entry.state}`);
    }
    case 'urn:countersign:rar:v1:settlement_instruction': {
      const { destinationKey, destinationDigest: noted } = transaction;
      const entries =
        destinationKey === null ? [] : await book.activeEntries(transaction.initiatorInstitution, destinationKey);
      const own = entries.filter((entry) => entry.detail.entity_lei === detail.entity_lei);
      const entry = own.find(({ intentDigest }) => intentDigest === noted) ?? own[0];
      return entry === undefined
        ? unknown(transaction, 'is not an active address book entry. Propose the entry and have it approved first')
        : { stands: true, digest: entry.intentDigest };
    }
    default:
      return { stands: true, digest: null };
  }
}

/** Whether an address book entry belongs to the same institution, asset and chain as a withdrawal. */
export function isEntryFor(
  { detail, initiatorInstitution }: StoredTransaction,
  withdrawal: Pick<StoredTransaction, 'initiatorInstitution'>,
  { asset, chain_id, entity_lei }: Withdrawal,
): boolean {
  return (
    detail.type === 'urn:countersign:rar:v1:address_book_change' &&
    initiatorInstitution === withdrawal.initiatorInstitution &&
    detail.entity_lei === entity_lei &&
    detail.asset?.dti === asset.dti &&
    detail.chain_id === chain_id
  );
}

function unknown({ detail }: StoredTransaction, what: string): AddressStanding {
  const destination =
    detail.type === 'urn:countersign:rar:v1:withdrawal'
      ? 'The address that the withdrawal names'
      : 'The receiver of the settlement';
  return { stands: false, fault: transactionErrors.error('destination_unknown', `${destination} ${what}.`) };
}
