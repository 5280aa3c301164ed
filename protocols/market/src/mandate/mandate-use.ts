import type { DecimalString } from '@countersign/kernel';
import type { Asset, Cfi, Country, Currency, Lei, Mic } from '../codes/index.ts';
import type { WantedApproval } from './constraints-shape.ts';

export interface Money {
  readonly amount: DecimalString;
  readonly ccy: Currency;
}

export interface MandateUse {
  readonly action: string;
  readonly cfi?: Cfi | undefined;
  readonly venue?: Mic | undefined;
  readonly jurisdiction?: Country | undefined;
  /** Every account involved; absent if the intent does not state it. */
  readonly accounts?: readonly string[] | undefined;
  /** Every named counterparty; empty if the intent is known to have none. */
  readonly counterparties?: readonly Lei[] | undefined;
  /** The value of the use, or its upper limit, in the mandate's currency. */
  readonly notional?: Money | undefined;
  /** If the caller knows it. To exclude races, a caller reserves the amount with the policy engine instead. */
  readonly notionalToday?: Money | undefined;
  readonly quantity?: DecimalString | undefined;
  /** The asset moved and its quantity, if the action moves value: a token, a security or money. */
  readonly asset?: Asset | undefined;
  readonly assetQuantity?: DecimalString | undefined;
  /** The quantity of the same asset moved under this mandate on the same UTC day; see `notionalToday`. */
  readonly assetToday?: DecimalString | undefined;
  /** The address book entry that receives the value, or the raw address if the intent names one. */
  readonly destination?: string | undefined;
  /** Earlier uses of this mandate, if the caller knows them, for rolling limits; see `notionalToday`. */
  readonly earlier?: readonly EarlierUse[] | undefined;
  /** Approvals in force, if the caller knows them. Otherwise the component that executes the intent counts them. */
  readonly approvals?: readonly WantedApproval[] | undefined;
  readonly at: number;
}

export interface EarlierUse {
  readonly secondsAgo: number;
  readonly notional?: Money | undefined;
  readonly quantity?: DecimalString | undefined;
}
