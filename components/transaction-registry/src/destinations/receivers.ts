import type { Contract, DirectorySnapshot, TransactionFacts } from '@countersign/contracts';
import { parseId, toInstant } from '@countersign/kernel';
import type { StoredTransaction } from '../store/store.ts';
import type { AddressBook } from './address-stands.ts';

type ReceiverFacts = Pick<TransactionFacts, 'receivers' | 'agreementKnown'>;

/**
 * The receivers of an intent that names an entry or an agreement instead. Unknown or lapsed ones have none; policies
 * deny them.
 */
export async function receiverFacts(
  { detail, initiatorInstitution }: StoredTransaction,
  book: Pick<AddressBook, 'entry'>,
  directory: Pick<DirectorySnapshot, 'contract'>,
  now: number,
): Promise<ReceiverFacts> {
  switch (detail.type) {
    case 'urn:countersign:rar:v1:withdrawal': {
      const id = parseId('transaction', detail.address_id);
      const entry = id === undefined ? undefined : (await book.entry(id))?.detail;
      return entry?.type === 'urn:countersign:rar:v1:address_book_change' ? { receivers: [entry.beneficiary_lei] } : {};
    }
    case 'urn:countersign:rar:v1:collateral_transfer': {
      const agreement = directory.contract(detail.agreement_id);
      const own = [initiatorInstitution, detail.entity_lei];
      if (agreement === undefined || !isInForce(agreement, now)) return { agreementKnown: false };
      const parties = new Set<string>([agreement.institution, ...agreement.parties.map(({ lei }) => lei)]);
      const receivers = [...parties].filter((lei) => !own.some((one) => one === lei));
      return { receivers, agreementKnown: parties.has(detail.entity_lei) && receivers.length > 0 };
    }
    default:
      return {};
  }
}

/** In UTC days, the last day included. */
function isInForce({ from, until }: Contract, now: number): boolean {
  const today = toInstant(now).slice(0, 10);
  return from <= today && (until === undefined || today <= until);
}
