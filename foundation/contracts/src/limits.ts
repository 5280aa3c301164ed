import { defined, type Json } from '@countersign/kernel';
import type { TransactionFacts } from './decisions.ts';
import type { Standing } from './standing.ts';

/** `notional` in a currency, `quantity` in units of the instrument. */
export type LimitMeasure = 'notional' | 'quantity';

/**
 * The window of a limit: a single order, a rolling period up to now, or one UTC day (mandates).
 */
export type LimitWindow =
  | { readonly kind: 'order' }
  | { readonly kind: 'rolling'; readonly seconds: number }
  | { readonly kind: 'day'; readonly day: string };

/** One amount that counts against one limit under one key. */
export interface LimitClaim {
  /** Id of the limit in the policy bundle, or e.g. `mandate_notional_per_day`. */
  readonly limit: string;
  /** Amounts with the same key are added up, e.g. `trader=person:anna.keller` or `mandate:mnd_…`. */
  readonly key: string;
  readonly measure: LimitMeasure;
  readonly window: LimitWindow;
  /** ISO 4217 code for a notional, otherwise the unit of the quantity. Amounts in other units cannot be added. */
  readonly unit: string;
  /** Decimal, not negative. */
  readonly amount: string;
  readonly max: string;
}

/** Use of a limit, for the record. Amounts are decimals in `unit`. */
export interface LimitReading {
  readonly limit: string;
  readonly key: string;
  readonly measure: LimitMeasure;
  /** `order`, `PT86400S` or a day. */
  readonly window: string;
  readonly unit: string;
  readonly max: string;
  /** Used before this order: committed, and reserved by others. */
  readonly used: string;
  /** Of this order. */
  readonly amount: string;
  readonly headroom: string;
  /** Role whose approval allowed the order to exceed this limit. */
  readonly overriddenBy?: string;
}

export type ReserveOutcome =
  | {
      readonly outcome: 'reserved';
      readonly readings: readonly LimitReading[];
      /**
       * For the record of the step: how many reservations each counter has had. A counter with fewer was set back
       * (docs/threats/stolen-role-policy-engine.md).
       */
      readonly standing?: readonly Standing[];
    }
  | {
      readonly outcome: 'exceeded';
      readonly readings: readonly LimitReading[];
      /** Readings with too little headroom, worst first. */
      readonly exceeded: readonly LimitReading[];
      /** Approvals that would allow it; empty when one of the limits allows no exception. */
      readonly approvals: readonly { readonly role: string; readonly count: number }[];
    };

/**
 * Caps on notional and quantity that hold for any number of concurrent orders on any number of nodes.
 *
 * An order's amounts are first reserved, all or none, then committed or released. A reservation whose process ended is settled by
 * the state of its transaction and counts until then.
 */
export interface Limits {
  /**
   * Reserves the order's amounts in every applicable limit of the active policies and in `further` limits. Idempotent for each
   * reservation while it is held or committed.
   *
   * @param request.reservation name by which it is committed and released; the transaction's id
   * @throws CodedError `limit_currency` for a notional that a limit has no rate for; `limit_amount`; `authority_unproven` when
   *   the stored counters were altered; `log_unavailable`
   */
  reserve(request: {
    readonly reservation: string;
    readonly facts: TransactionFacts;
    /** Milliseconds since the epoch. */
    readonly at: number;
    readonly further?: readonly LimitClaim[];
  }): Promise<ReserveOutcome>;
  /**
   * Makes the reservation permanent until its windows have passed.
   *
   * @throws CodedError `reservation_conflict` when it was released or never made
   */
  commit(reservation: string): Promise<void>;
  /**
   * Turns a committed reservation back into an open one, e.g. before a cancel. It counts until it is released or settled. Does
   * nothing for a reservation that does not count.
   */
  reopen(reservation: string): Promise<void>;
  /**
   * Releases the amounts, recorded first. Repeating it, or releasing an unknown reservation, does nothing.
   *
   * @throws CodedError `authority_unproven` when the stored reservation was altered; it then keeps counting
   */
  release(reservation: string): Promise<void>;
  /** The current readings, without reserving. @throws CodedError as `reserve` */
  read(request: { readonly facts: TransactionFacts; readonly at: number }): Promise<ReserveOutcome>;
}

/** JSON of a reading for records and answers, members in canonical order. */
export function limitReadingJson(reading: LimitReading): Json {
  const { amount, headroom, key, limit, measure, max, overriddenBy, unit, used, window } = reading;
  return {
    amount,
    headroom,
    key,
    limit,
    measure,
    max,
    ...defined({ overridden_by: overriddenBy }),
    unit,
    used,
    window,
  };
}
