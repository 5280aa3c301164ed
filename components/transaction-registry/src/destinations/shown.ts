import { parseId } from '@countersign/kernel';
import { describeAuthorizationDetail } from '@countersign/market';
import type { Store } from '../proof/proven-store.ts';
import type { StoredTransaction } from '../store/store.ts';
import { type AddressBook, entryStanding, isEntryFor } from './address-stands.ts';

/** Where a withdrawal or a settlement goes, as its entry of the address book says. */
interface DestinationShown {
  readonly lines: readonly { readonly label: string; readonly value: string }[];
  /** No active entry of the book is what is named, or it is another than the one that was asked for. */
  readonly missing: boolean;
}

const ofAddress: readonly string[] = ['Address', 'Memo', 'Beneficiary'];

/**
 * A withdrawal names its address by the entry's id alone: an approver who saw no more could not tell one address from
 * another. Read from the entry that the release will look at; its intent never changes.
 *
 * A settlement names its receiver itself: nothing is added to it.
 *
 * @returns undefined for what goes to no entry of the address book
 */
export async function destinationShown(
  transaction: StoredTransaction,
  store: Pick<Store, 'find'> & AddressBook,
): Promise<DestinationShown | undefined> {
  const { detail, destinationDigest } = transaction;
  if (detail.type === 'urn:countersign:rar:v1:settlement_instruction') {
    const standing = await entryStanding(transaction, store);
    return {
      lines: [],
      missing: !standing.stands || (destinationDigest !== null && destinationDigest !== standing.digest),
    };
  }
  if (detail.type !== 'urn:countersign:rar:v1:withdrawal') return undefined;
  const id = parseId('transaction', detail.address_id);
  const entry = id === undefined ? undefined : await store.find(id);
  if (entry === undefined || !isEntryFor(entry, transaction, detail)) return { lines: [], missing: true };
  return {
    lines: describeAuthorizationDetail(entry.detail).lines.filter(({ label }) => ofAddress.includes(label)),
    missing: entry.state !== 'active' || (destinationDigest !== null && destinationDigest !== entry.intentDigest),
  };
}
