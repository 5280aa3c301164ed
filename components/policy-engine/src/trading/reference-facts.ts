import type { DirectorySnapshot, Instrument, Rate, TransactionFacts } from '@countersign/contracts';
import { compareDecimals, type DecimalString, multiplyDecimals, parseInstant } from '@countersign/kernel';
import { type IntentView, roundUpToFourDecimals } from './intent-view.ts';

export interface CountingCurrency {
  /** ISO 4217. */
  readonly base: string;
  readonly rateMaxAgeHours: number;
}

/** Covers a weekend without fixings and a holiday. */
export const defaultCounting: CountingCurrency = { base: 'EUR', rateMaxAgeHours: 96 };

export interface ReferenceFacts {
  /** The instrument of the intent, or of the allocated trade. */
  readonly instrument?: Instrument;
  /** Members in which the intent differs from reference data: `cfi`, `currency`, `venue`, `max_notional`. */
  readonly differs: readonly string[];
  /** Value in the base currency, rounded up to four decimals; undefined without a recent rate. */
  readonly notionalBase?: string;
  /** The rate, even if it is too old. */
  readonly rate?: Rate;
}

type Reference = Pick<DirectorySnapshot, 'instrument' | 'rate'>;

const none: readonly string[] = [];

/** @param at milliseconds since the epoch */
export function referenceFacts(
  view: IntentView,
  { tradedInstrument }: Pick<TransactionFacts, 'tradedInstrument'>,
  directory: Reference,
  { counting, at }: { readonly counting: CountingCurrency; readonly at: number },
): ReferenceFacts {
  const id = view.instrument?.id ?? tradedInstrument;
  const instrument = id === undefined ? undefined : directory.instrument(id);
  const facts: { -readonly [Member in keyof ReferenceFacts]: ReferenceFacts[Member] } = {
    differs: instrument === undefined || view.instrument === undefined ? none : differencesOf(view, instrument),
  };
  if (instrument !== undefined) facts.instrument = instrument;
  if (view.counted === undefined) return facts;
  const { amount, currency } = view.counted;
  if (currency === counting.base) {
    const worth = view.notional ?? roundUpToFourDecimals(amount);
    if (worth !== undefined) facts.notionalBase = worth;
    return facts;
  }
  const rate = directory.rate(`${currency}/${counting.base}`);
  if (rate === undefined) return facts;
  facts.rate = rate;
  if (!isFresh(rate, counting, at)) return facts;
  const worth = roundUpToFourDecimals(multiplyDecimals(amount, rate.rate));
  if (worth !== undefined) facts.notionalBase = worth;
  return facts;
}

/** Tolerated clock difference of a source. */
const clockSkewMs = 60_000;

function isFresh({ asOf }: Rate, { rateMaxAgeHours }: CountingCurrency, at: number): boolean {
  const fixed = parseInstant(asOf);
  return fixed !== undefined && fixed <= at + clockSkewMs && at - fixed <= rateMaxAgeHours * 3_600_000;
}

/** ISO 10383: XOFF for a listed instrument traded off-venue, XXXX for an unlisted one. */
const overTheCounter: readonly string[] = ['XOFF', 'XXXX'];

function differencesOf(
  { instrument, currency, limitPrice, venue, maxQuantity, counted }: IntentView,
  { cfi, currency: expected, venues, priceMultiplier }: Instrument,
): readonly string[] {
  let differs: string[] | undefined;
  const add = (member: string): void => {
    if (differs === undefined) differs = [];
    differs.push(member);
  };
  if (instrument?.cfi !== cfi) add('cfi');
  if (currency !== expected || (limitPrice !== undefined && limitPrice.currency !== expected)) add('currency');
  // Members are added in alphabetical order.
  if (limitPrice !== undefined && maxQuantity !== undefined && counted !== undefined) {
    const computed = multiplyDecimals(multiplyDecimals(maxQuantity, limitPrice.amount), priceMultiplier);
    if (compareDecimals(counted.amount, computed) < 0) add('max_notional');
  }
  const dealt: readonly string[] = venues.length === 0 ? overTheCounter : venues;
  if (venue === undefined || !dealt.includes(venue)) add('venue');
  return differs ?? none;
}

/** The amount in another currency; undefined without a recent rate. */
export function converted(
  amount: DecimalString,
  { from, to }: { readonly from: string; readonly to: string },
  directory: Pick<DirectorySnapshot, 'rate'>,
  { counting, at }: { readonly counting: CountingCurrency; readonly at: number },
): DecimalString | undefined {
  if (from === to) return amount;
  const rate = directory.rate(`${from}/${to}`);
  return rate === undefined || !isFresh(rate, counting, at) ? undefined : multiplyDecimals(amount, rate.rate);
}
