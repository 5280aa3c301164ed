import { parseId } from '@countersign/kernel';
import { describeAuthorizationDetail } from '@countersign/market';
import type { Store } from '../proof/proven-store.ts';
import type { StoredTransaction } from '../store/store.ts';
import { type AddressBook, entryStanding, isEntryFor } from './address-stands.ts';

interface DestinationShown {
  readonly lines: readonly { readonly label: string; readonly value: string }[];
  /** There is no matching active entry, or it differs from the requested one. */
  readonly missing: boolean;
}

const ofAddress: readonly string[] = ['Address', 'Memo', 'Beneficiary'];

/** The address lines of a withdrawal, which names only the id of its entry; a settlement names its receiver itself. */
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
