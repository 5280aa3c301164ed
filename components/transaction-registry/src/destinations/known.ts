import type { arrivedBefore } from '../store/lives.ts';
import type { StoredTransaction } from '../store/store.ts';
import { type AddressBook, entryStanding } from './address-stands.ts';

/** What the question needs of the store. */
export interface DestinationReader extends AddressBook {
  hasArrivedBefore(about: Parameters<typeof arrivedBefore>[1]): Promise<boolean>;
}

/**
 * Whether the destination of a transaction is known: an active entry of the address book, which people other than its proposer
 * have approved. The first withdrawal to an entry is looked at more closely, so for a withdrawal one must have arrived there
 * too; each of those was released on the approval of two. That something arrived makes nothing known by itself.
 *
 * @returns undefined for what sends nothing
 */
export async function destinationKnown(
  transaction: StoredTransaction,
  store: DestinationReader,
): Promise<boolean | undefined> {
  const { detail, destinationKey, initiatorInstitution: institution } = transaction;
  switch (detail.type) {
    case 'urn:countersign:rar:v1:settlement_instruction':
      return (await entryStanding(transaction, store)).stands;
    case 'urn:countersign:rar:v1:withdrawal':
      return (
        destinationKey !== null &&
        (await entryStanding(transaction, store)).stands &&
        (await store.hasArrivedBefore({ institution, destinationKey, arrived: ['confirmed'] }))
      );
    default:
      return undefined;
  }
}
