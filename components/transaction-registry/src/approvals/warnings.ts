import type { DirectorySnapshot } from '@countersign/contracts';
import { parseInstant } from '@countersign/kernel';
import type { AuthorizationDetail } from '@countersign/market';
import type { KnownFacts } from '../known-facts.ts';
import type { StoredTransaction } from '../store/store.ts';

/** Something in an intent that deserves a second look. */
export interface Warning {
  readonly code: string;
  readonly detail: string;
}

const soonMs = 15 * 60_000;
const dayMs = 24 * 3_600_000;

/**
 * What an approver should not overlook, read from the intent and what is known here; never from what a client says.
 *
 * @param about.known of the destination and the trade; see `knownFacts`
 */
export function warningsOf(
  transaction: Pick<StoredTransaction, 'detail' | 'initiator'>,
  about: {
    readonly known: KnownFacts;
    /** A withdrawal or settlement names no active entry of the address book, or not the one that was asked for. */
    readonly destinationMissing: boolean;
    readonly openException: boolean;
    readonly directory: Pick<DirectorySnapshot, 'principal'>;
    /** Milliseconds since the epoch. */
    readonly now: number;
  },
): readonly Warning[] {
  const { detail, initiator } = transaction;
  const left = (parseInstant(detail.not_after) ?? 0) - about.now;
  return [
    // A settlement goes to a known destination or nowhere: there the next one says all of it.
    ...warn(
      about.known.destinationKnown === false && detail.type === 'urn:countersign:rar:v1:withdrawal',
      'destination_new',
      'Nothing has been sent to this destination before.',
    ),
    ...warn(
      about.destinationMissing,
      'destination_unknown',
      'No active entry of the address book is what it names: it is not released there.',
    ),
    ...warn(
      about.known.tradeKnown === false,
      'trade_unknown',
      'No executed trade of these parties has this much left: it is not carried on.',
    ),
    ...ofDetail(detail, about.now),
    ...warn(
      about.directory.principal(initiator) === undefined,
      'initiator_gone',
      'Whoever began this is no longer in the directory, or not active.',
    ),
    ...warn(
      about.openException,
      'exception_open',
      'An exception stands open: it is not carried on before that is dealt with.',
    ),
    ...warn(left <= 0, 'intent_expired', `The intent was good until ${detail.not_after}.`),
    ...warn(left > 0 && left <= soonMs, 'intent_expires_soon', `The intent is good until ${detail.not_after}.`),
  ];
}

function ofDetail(detail: AuthorizationDetail, now: number): readonly Warning[] {
  switch (detail.type) {
    case 'urn:countersign:rar:v1:trade_order':
    case 'urn:countersign:rar:v1:rfq':
      return [
        ...warn(detail.algo !== undefined, 'algorithmic', 'An algorithm began this, not a person.'),
        ...warn(
          detail.limit_price === undefined,
          'no_limit_price',
          'There is no limit price: it deals at whatever the market asks.',
        ),
      ];
    case 'urn:countersign:rar:v1:settlement_instruction':
      return warn(!detail.dvp, 'free_of_payment', 'It delivers free of payment: nothing comes back for it.');
    case 'urn:countersign:rar:v1:withdrawal':
      return warn(
        detail.calldata_hash !== undefined,
        'call_data',
        'It calls a contract: what that does is not in the intent, only the digest of the call.',
      );
    case 'urn:countersign:rar:v1:privileged_admin':
      return warn(detail.after_hash === undefined, 'removal', 'It removes something.');
    case 'urn:countersign:rar:v1:address_book_change':
      // Who proposes it says how long: one that is over already gives nobody the time to notice.
      return warn(
        (parseInstant(detail.cooling_off_until) ?? 0) - now < dayMs,
        'cooling_off_short',
        `It can be sent to from ${detail.cooling_off_until} on: less than a day for somebody to notice.`,
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
