import { defined, type Json } from '@countersign/kernel';
import type { TransactionFacts } from './decisions.ts';
import type { Standing } from './standing.ts';

/** `notional` in a currency, `quantity` in units of the instrument. */
export type LimitMeasure = 'notional' | 'quantity';

/**
 * Over what an amount is counted: one order alone; the time up to now, rolling; or one UTC day, as mandates have it.
 */
export type LimitWindow =
  | { readonly kind: 'order' }
  | { readonly kind: 'rolling'; readonly seconds: number }
  | { readonly kind: 'day'; readonly day: string };

/** One amount to be counted under one key, within one limit. */
export interface LimitClaim {
  /** Which limit: its id in the policy bundle, or e.g. `mandate_notional_per_day`. */
  readonly limit: string;
  /** What is counted together, e.g. `trader=person:anna.keller` or `mandate:mnd_…`. */
  readonly key: string;
  readonly measure: LimitMeasure;
  readonly window: LimitWindow;
  /** ISO 4217 code for a notional; what the quantity counts otherwise. Amounts in another unit cannot be counted. */
  readonly unit: string;
  /** Decimal, not negative. */
  readonly amount: string;
  readonly most: string;
}

/** What a limit was found at, for the record: amounts are decimals in `unit`. */
export interface LimitReading {
  readonly limit: string;
  readonly key: string;
  readonly measure: LimitMeasure;
  /** `order`, `PT86400S` or a day. */
  readonly window: string;
  readonly unit: string;
  readonly most: string;
  /** Counted before this order: committed, and reserved by others. */
  readonly used: string;
  /** Of this order. */
  readonly amount: string;
  readonly headroom: string;
  /** Role whose approval let the order pass a limit that may be passed that way. */
  readonly passedBy?: string;
}

export type ReserveOutcome =
  | {
      readonly outcome: 'reserved';
      readonly readings: readonly LimitReading[];
      /**
       * For the record of the step that rests on the reservation: how often each counter has been taken from. A counter that is
       * found to have been taken from less often has been set back (docs/threats/stolen-role-policy-engine.md).
       */
      readonly standing?: readonly Standing[];
    }
  | {
      readonly outcome: 'exceeded';
      readonly readings: readonly LimitReading[];
      /** Those of the readings with too little headroom, worst first. */
      readonly exceeded: readonly LimitReading[];
      /** Approvals that would let it pass; none where one of the limits lets nobody pass. */
      readonly approvals: readonly { readonly role: string; readonly count: number }[];
    };

/**
 * Notional and quantity that no order may take past its limit, however many ask at once on however many nodes.
 *
 * An order's amounts are first reserved, all or none; then committed when the order stands, or released. A reservation
 * whose process died is settled by what became of its transaction, and counts until then.
 */
export interface Limits {
  /**
   * Takes the order's amounts out of the headroom of every limit of the active policies that applies to it, and of
   * `further` ones. Once per reservation: asking again answers as before while it is held or committed.
   *
   * @param request.reservation name by which it is committed and released; the transaction's id
   * @throws CodedError `limit_currency` for a notional that a limit has no rate for; `limit_amount`; `authority_unproven` where
   *   what has been counted is not what was stored; `log_unavailable`
   */
  reserve(request: {
    readonly reservation: string;
    readonly facts: TransactionFacts;
    /** Milliseconds since the epoch. */
    readonly at: number;
    readonly further?: readonly LimitClaim[];
  }): Promise<ReserveOutcome>;
  /**
   * It counts for good, until its windows have passed.
   *
   * @throws CodedError `reservation_conflict` when it was released meanwhile, or never made
   */
  commit(reservation: string): Promise<void>;
  /**
   * What becomes of its order is open again, as before a cancel: it counts until it is released, or settled by what
   * became of the transaction. Does nothing for one that does not count.
   */
  reopen(reservation: string): Promise<void>;
  /**
   * It no longer counts, which is recorded first. Repeating it, and releasing what was never reserved, does nothing.
   *
   * @throws CodedError `authority_unproven` where it is not stored as it was made, or was released before: it goes on counting
   */
  release(reservation: string): Promise<void>;
  /** As `reserve` would find them now, taking nothing. @throws CodedError as `reserve` */
  read(request: { readonly facts: TransactionFacts; readonly at: number }): Promise<ReserveOutcome>;
}

/** A reading as records and answers write it; members in canonical order. */
export function limitReadingJson(reading: LimitReading): Json {
  const { amount, headroom, key, limit, measure, most, passedBy, unit, used, window } = reading;
  return {
    amount,
    headroom,
    key,
    limit,
    measure,
    most,
    ...defined({ passed_by: passedBy }),
    unit,
    used,
    window,
  };
}
