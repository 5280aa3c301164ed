import {
  type Contract,
  type DirectorySnapshot,
  type TransactionFacts,
  transactionErrors,
} from '@countersign/contracts';
import { type CodedError, digestOf, type IntentDigest, parseId, toInstant } from '@countersign/kernel';
import { type AuthorizationDetail, describeAuthorizationDetail, type Withdrawal } from '@countersign/market';
import type { Store, Unit } from '../proof/proven-store.ts';
import type { RowStore, StoredTransaction } from '../store/store.ts';
import type { Asked } from '../transition-request.ts';

/** Whether the destination of a withdrawal or settlement may be used, with the digest of its address book entry. */
type AddressStanding =
  | { readonly valid: true; readonly digest: IntentDigest | null }
  | { readonly valid: false; readonly fault: CodedError };

type AddressBook = Pick<Unit, 'entry' | 'activeEntries'>;

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
      return standing.valid && asked.event === 'release' && destinationDigest !== standing.digest
        ? unknown(transaction, 'differs from the one that was requested and approved')
        : standing;
    }
    default:
      return { valid: true, digest: destinationDigest };
  }
}

/** Whether the destination of an intent is an active address book entry; always valid for an intent that sends nothing. */
async function entryStanding(transaction: StoredTransaction, book: AddressBook): Promise<AddressStanding> {
  const { detail } = transaction;
  switch (detail.type) {
    case 'urn:countersign:rar:v1:withdrawal': {
      const id = parseId('transaction', detail.address_id);
      const entry = id === undefined ? undefined : await book.entry(id);
      if (entry === undefined || !isEntryFor(entry, transaction, detail))
        return unknown(transaction, 'is not an address book entry for this asset');
      return entry.state === 'active'
        ? { valid: true, digest: entry.intentDigest }
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
        : { valid: true, digest: entry.intentDigest };
    }
    default:
      return { valid: true, digest: null };
  }
}

/** Whether an address book entry belongs to the same institution, asset and chain as a withdrawal. */
function isEntryFor(
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
  return { valid: false, fault: transactionErrors.error('destination_unknown', `${destination} ${what}.`) };
}

export interface DestinationReader extends AddressBook {
  hasArrivedBefore(about: Parameters<RowStore['arrivedBefore']>[0]): Promise<boolean>;
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
      return (await entryStanding(transaction, store)).valid;
    case 'urn:countersign:rar:v1:withdrawal':
      return (
        destinationKey !== null &&
        (await entryStanding(transaction, store)).valid &&
        (await store.hasArrivedBefore({ institution, destinationKey, arrived: ['confirmed'] }))
      );
    default:
      return undefined;
  }
}

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

interface DestinationShown {
  readonly lines: readonly { readonly label: string; readonly value: string }[];
  /** There is no matching active entry, or it differs from the requested one. */
  readonly missing: boolean;
}

const addressLabels: readonly string[] = ['Address', 'Memo', 'Beneficiary'];

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
      missing: !standing.valid || (destinationDigest !== null && destinationDigest !== standing.digest),
    };
  }
  if (detail.type !== 'urn:countersign:rar:v1:withdrawal') return undefined;
  const id = parseId('transaction', detail.address_id);
  const entry = id === undefined ? undefined : await store.find(id);
  if (entry === undefined || !isEntryFor(entry, transaction, detail)) return { lines: [], missing: true };
  return {
    lines: describeAuthorizationDetail(entry.detail).lines.filter(({ label }) => addressLabels.includes(label)),
    missing: entry.state !== 'active' || (destinationDigest !== null && destinationDigest !== entry.intentDigest),
  };
}

/** Independent of the amount: a settlement and the address book entries that it may use have the same key. */
export function destinationKeyOf(detail: AuthorizationDetail): string | undefined {
  switch (detail.type) {
    case 'urn:countersign:rar:v1:withdrawal':
      return digestOf({ address_id: detail.address_id, chain_id: detail.chain_id, dti: detail.asset.dti });
    case 'urn:countersign:rar:v1:settlement_instruction': {
      const { receiver, place_of_settlement: place, dti } = detail;
      return receiver.account === undefined
        ? ofAddress({ lei: receiver.lei, address: receiver.address, chain: place, dti })
        : ofAccount({ lei: receiver.lei, account: receiver.account, place });
    }
    case 'urn:countersign:rar:v1:address_book_change': {
      const {
        beneficiary_lei: lei,
        account,
        place_of_settlement: place,
        address,
        chain_id: chain,
        asset,
        memo,
      } = detail;
      return account === undefined
        ? ofAddress({ lei, address, chain, dti: asset?.dti, memo })
        : ofAccount({ lei, account, place });
    }
    default:
      return undefined;
  }
}

/** The place is part of the key: the same account number at another depository is a different account. */
function ofAccount({ lei, account, place }: { lei: string; account: string; place: string | undefined }): string {
  return digestOf({ lei, account, place: place ?? null });
}

/** A settlement has no memo, so it never matches an entry with one. */
function ofAddress(about: {
  lei: string;
  address: string | undefined;
  chain: string | undefined;
  dti: string | undefined;
  memo?: string | undefined;
}): string {
  const { lei, address = null, chain = null, dti = null, memo = null } = about;
  return digestOf({ lei, address, chain, dti, memo });
}
