import { transactionErrors } from '@countersign/contracts';
import { type CodedError, type IntentDigest, parseId } from '@countersign/kernel';
import type { Withdrawal } from '@countersign/market';
import type { Unit } from '../proof/proven-store.ts';
import type { StoredTransaction } from '../store/store.ts';
import type { Asked } from '../transition-request.ts';

/** The destination of a withdrawal or a settlement: what stands, or why it may not be sent to. */
type AddressStanding =
  | { readonly stands: true; readonly digest: IntentDigest | null }
  | { readonly stands: false; readonly fault: CodedError };

/** Reads entries of the address book; within a unit they are kept as they are until it ends. */
export type AddressBook = Pick<Unit, 'entry' | 'activeEntries'>;

/**
 * Money and assets go to the address book: to entries that people other than the proposer have approved, and whose cooling-off
 * is over. A withdrawal names its entry, the transaction that brought it into the book; a settlement is matched with the
 * entries of its receiver's account or address.
 *
 * When it is requested or instructed the entry is active; its intent is noted by digest. When it is released the entry is
 * active still, and is the one that was noted: what the approvers saw is where it goes.
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
        ? unknown(transaction, 'is not the one that was asked for and approved')
        : standing;
    }
    default:
      return { stands: true, digest: destinationDigest };
  }
}

/** Whether an entry of the address book that is active is where the intent goes; nothing is asked of one that sends nothing. */
export async function entryStanding(transaction: StoredTransaction, book: AddressBook): Promise<AddressStanding> {
  const { detail } = transaction;
  switch (detail.type) {
    case 'urn:countersign:rar:v1:withdrawal': {
      const id = parseId('transaction', detail.address_id);
      const entry = id === undefined ? undefined : await book.entry(id);
      if (entry === undefined || !isEntryFor(entry, transaction, detail))
        return unknown(transaction, 'is no entry of the address book for this asset');
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
        ? unknown(transaction, 'is no active entry of the address book: propose it, and have it approved')
        : { stands: true, digest: entry.intentDigest };
    }
    default:
      return { stands: true, digest: null };
  }
}

/** Whether an entry of the address book is of the same institution, for the same asset on the same chain. */
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
