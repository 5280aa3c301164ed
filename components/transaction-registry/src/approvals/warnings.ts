import type { DirectorySnapshot } from '@countersign/contracts';
import { parseInstant } from '@countersign/kernel';
import type { AuthorizationDetail } from '@countersign/market';
import type { KnownFacts } from '../facts.ts';
import type { StoredTransaction } from '../store/store.ts';

interface Warning {
  readonly code: string;
  readonly detail: string;
}

const soonMs = 15 * 60_000;
const dayMs = 24 * 3_600_000;

/** The warnings that an approver sees. They come from the intent and the registry, never from a client. */
export function warningsOf(
  transaction: Pick<StoredTransaction, 'detail' | 'initiator'>,
  about: {
    readonly known: KnownFacts;
    /** The destination is no active address book entry, or not the entry that was requested. */
    readonly destinationMissing: boolean;
    readonly openException: boolean;
    readonly directory: Pick<DirectorySnapshot, 'principal'>;
    readonly now: number;
  },
): readonly Warning[] {
  const { detail, initiator } = transaction;
  const left = (parseInstant(detail.not_after) ?? 0) - about.now;
  return [
    // For a settlement `destination_unknown` covers this case.
    ...warn(
      about.known.destinationKnown === false && detail.type === 'urn:countersign:rar:v1:withdrawal',
      'destination_new',
      'No previous transfer to this destination.',
    ),
    ...warn(
      about.destinationMissing,
      'destination_unknown',
      'The destination does not match an active address book entry. The transfer cannot be released.',
    ),
    ...warn(
      about.known.tradeKnown === false,
      'trade_unknown',
      'No executed trade between these parties has sufficient remaining quantity. The transaction cannot proceed.',
    ),
    ...ofDetail(detail, about.now),
    ...warn(
      about.directory.principal(initiator) === undefined,
      'initiator_gone',
      'The initiator is no longer in the directory or is inactive.',
    ),
    ...warn(
      about.openException,
      'exception_open',
      'An exception is open. The transaction cannot proceed until it has been resolved.',
    ),
    ...warn(left <= 0, 'intent_expired', `The intent expired at ${detail.not_after}.`),
    ...warn(left > 0 && left <= soonMs, 'intent_expires_soon', `The intent expires at ${detail.not_after}.`),
  ];
}

function ofDetail(detail: AuthorizationDetail, now: number): readonly Warning[] {
  switch (detail.type) {
    case 'urn:countersign:rar:v1:trade_order':
    case 'urn:countersign:rar:v1:rfq':
      return [
        ...warn(detail.algo !== undefined, 'algorithmic', 'This transaction was started by an algorithm.'),
        ...warn(
          detail.limit_price === undefined,
          'no_limit_price',
          'No limit price: the order executes at any market price.',
        ),
      ];
    case 'urn:countersign:rar:v1:settlement_instruction':
      return warn(!detail.dvp, 'free_of_payment', 'Delivery free of payment: no payment is received in return.');
    case 'urn:countersign:rar:v1:withdrawal':
      return warn(
        detail.calldata_hash !== undefined,
        'call_data',
        'This transaction calls a smart contract. Only the hash of the call is shown, not its effect.',
      );
    case 'urn:countersign:rar:v1:privileged_admin':
      return warn(detail.after_hash === undefined, 'removal', 'This change removes a setting or an entry.');
    case 'urn:countersign:rar:v1:address_book_change':
      return warn(
        (parseInstant(detail.cooling_off_until) ?? 0) - now < dayMs,
        'cooling_off_short',
        `The destination can be used from ${detail.cooling_off_until}: less than a day to detect errors.`,
      );
    case 'urn:countersign:rar:v1:allocation':
    case 'urn:countersign:rar:v1:clearing_submission':
    case 'urn:countersign:rar:v1:collateral_transfer':
    case 'urn:countersign:rar:v1:regulatory_report':
      return [];
    default:
      return detail satisfies never;
  }
}

function warn(applies: boolean, code: string, detail: string): readonly Warning[] {
  return applies ? [{ code, detail }] : [];
}
