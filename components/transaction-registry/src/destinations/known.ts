import type { arrivedBefore } from '../store/lives.ts';
import type { StoredTransaction } from '../store/store.ts';
import { type AddressBook, entryStanding } from './address-stands.ts';

export interface DestinationReader extends AddressBook {
  hasArrivedBefore(about: Parameters<typeof arrivedBefore>[1]): Promise<boolean>;
}

/**
 * An active address book entry and, for a withdrawal, one that an earlier withdrawal reached. An arrival alone is not
 * enough.
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
