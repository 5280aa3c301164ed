import type { DecimalString } from '@countersign/kernel';
import type { Cfi, Country, Currency, Lei, Mic } from '../codes/index.ts';
import type { Asset } from './asset.ts';
import type { WantedApproval } from './constraints-shape.ts';

export interface Money {
  readonly amount: DecimalString;
  readonly ccy: Currency;
}

/** What a mandate is asked about. A fact is absent where the intent has no such thing. */
export interface MandateUse {
  /** A scope of the vocabulary, e.g. `order:create`. */
  readonly action: string;
  readonly cfi?: Cfi | undefined;
  readonly venue?: Mic | undefined;
  readonly jurisdiction?: Country | undefined;
  /** Every account that is touched; absent where the intent does not say. */
  readonly accounts?: readonly string[] | undefined;
  /** Every counterparty that is named; empty where it is known that there is none. */
  readonly counterparties?: readonly Lei[] | undefined;
  /** What the use is worth, or its upper limit, in the mandate's currency. */
  readonly notional?: Money | undefined;
  /** What this mandate has been used for already on the same UTC day, where the caller knows it. Who must not be
   * raced reserves headroom with the policy engine instead. */
  readonly notionalToday?: Money | undefined;
  readonly quantity?: DecimalString | undefined;
  /** What is moved, and how much of it, where the action moves value: a token, a security, or money. */
  readonly asset?: Asset | undefined;
  readonly assetQuantity?: DecimalString | undefined;
  /** How much of the same asset has been moved under this mandate on the same UTC day; as `notionalToday`. */
  readonly assetToday?: DecimalString | undefined;
  /** The entry of the address book that value goes to, or the bare address where the intent names one. */
  readonly destination?: string | undefined;
  /** Earlier uses of this mandate, where the caller knows them, for limits over rolling windows; as `notionalToday`. */
  readonly earlier?: readonly EarlierUse[] | undefined;
  /** Approvals that stand, where the caller knows them. Who carries intents on counts them instead. */
  readonly approvals?: readonly WantedApproval[] | undefined;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What a mandate was used for before. */
export interface EarlierUse {
  readonly secondsAgo: number;
  readonly notional?: Money | undefined;
  readonly quantity?: DecimalString | undefined;
}
