import {
  type LimitReading,
  limitReadingJson,
  type Standing,
  type StandingEntry,
  standing,
} from '@countersign/contracts';
import {
  addDecimals,
  type Brand,
  type DecimalString,
  type Digest,
  digestOf,
  type Json,
  parseDecimal,
  sha256Base64Url,
} from '@countersign/kernel';
import type { RowSeal } from '@countersign/runtime';

// Rows of limits are protected by the seal of a counter over its sums, the seal of a hold over its amounts, and the newest
// revision of a counter in the audit log (docs/threats/stolen-role-policy-engine.md).

/** Identifies a counter: amounts within one limit that are counted together. */
export interface CounterName {
  readonly limit: string;
  readonly key: string;
  readonly measure: string;
  readonly unit: string;
}

interface Sum {
  readonly starts: number;
  readonly ends: number;
  readonly amount: DecimalString;
  readonly expiresAt: number;
}

/**
 * Sums, ascending by end and start, in the format of `sumsColumn` in the store: `end start amount expiry,`. Kept as text, because
 * hundreds of them are read and sealed for each order.
 */
export type SumList = Brand<string, 'SumList'>;

export interface FoundCounter extends CounterName {
  readonly id: string;
  readonly revision: number;
  /** The seal covers the sums that end at this time or later; null for a counter that was never sealed. */
  readonly sealedFrom: number | null;
  readonly seal: Buffer | null;
  /** Starts at `sealedFrom` or earlier. */
  readonly sums: SumList;
}

export interface HeldAmount extends CounterName {
  readonly starts: number;
  readonly ends: number;
  readonly amount: string;
  /** Revision of the counter when the amount was added; null for a hold from before seals. */
  readonly revision: number | null;
}

export interface SealedHold {
  readonly reservation: string;
  /** Null for a hold from before seals. */
  readonly taken: string | null;
  readonly readings: readonly LimitReading[];
  readonly amounts: readonly HeldAmount[];
  readonly seal: Buffer | null;
}

/** A row of the limits was changed or is outdated. */
export class LimitContradiction extends Error {
  readonly of: string;
  readonly found: Digest;
  readonly newest: StandingEntry | undefined;
  constructor(of: string, found: Json, newest?: StandingEntry) {
    super(`the stored row of ${of} was changed or is outdated`);
    this.of = of;
    this.found = digestOf(found);
    this.newest = newest;
  }
}

export function revisionsOf({ limit, key, measure, unit }: CounterName): string {
  return `limit-counter:${digestOf([limit, key, measure, unit])}:`;
}

/** Padded to twelve digits, because names are compared as text. */
const revisionName = (counter: CounterName, revision: number): string =>
  `${revisionsOf(counter)}${String(revision).padStart(12, '0')}`;

/** The revisions of the counters for the record of a step. */
export function standingOf({ reservation, amounts }: Pick<SealedHold, 'reservation' | 'amounts'>): readonly Standing[] {
  return amounts.map((held) => standing(revisionName(held, held.revision ?? 0), { reservation }));
}

export function sealOfCounter(
  rowSeal: RowSeal,
  counter: CounterName,
  content: { readonly revision: number; readonly sealedFrom: number; readonly sums: SumList },
): Buffer {
  return rowSeal.seal(revisionsOf(counter), counterContent(content));
}

/**
 * A counter without a seal is new, or from before seals; the log then has no revision of it.
 * @param newest the newest revision in the log, read before the counter
 * @throws LimitContradiction
 */
export function requireCounter(rowSeal: RowSeal, counter: FoundCounter, newest: StandingEntry | undefined): void {
  const { revision, sealedFrom, seal, sums } = counter;
  const content = counterContent({ revision, sealedFrom: sealedFrom ?? 0, sums });
  const recorded = newest === undefined ? 0 : Number(newest.of.slice(revisionsOf(counter).length));
  const intact =
    seal === null && sealedFrom === null && revision === 0
      ? true
      : sealedFrom !== null && rowSeal.holds(revisionsOf(counter), content, seal);
  if (!intact || revision < recorded) throw new LimitContradiction(revisionName(counter, revision), content, newest);
}

function counterContent({
  revision,
  sealedFrom,
  sums,
}: {
  readonly revision: number;
  readonly sealedFrom: number;
  readonly sums: SumList;
}): Json {
  return { revision, sealed_from: sealedFrom, sums: sha256Base64Url(endingFrom(sums, sealedFrom)) };
}

export function sealOfHold(rowSeal: RowSeal, hold: Omit<SealedHold, 'seal'>): Buffer {
  return rowSeal.seal(nameOfHold(hold), holdContent(hold));
}

/** @returns the unique value `taken` of this reservation. @throws LimitContradiction */
export function requireHold(rowSeal: RowSeal, hold: SealedHold): string {
  if (hold.taken !== null && rowSeal.holds(nameOfHold(hold), holdContent(hold), hold.seal)) return hold.taken;
  throw contradictionOfHold(hold);
}

export function contradictionOfHold(hold: Omit<SealedHold, 'seal'>): LimitContradiction {
  return new LimitContradiction(nameOfHold(hold), holdContent(hold));
}

const nameOfHold = ({ reservation }: { readonly reservation: string }): string => `limit-hold:${reservation}`;

function holdContent({ taken, readings, amounts }: Omit<SealedHold, 'seal'>): Json {
  return {
    taken,
    readings: readings.map(limitReadingJson),
    amounts: amounts
      .map(({ limit, key, measure, unit, starts, ends, amount, revision }) =>
        JSON.stringify([limit, key, measure, unit, starts, ends, amount, revision]),
      )
      .sort(),
  };
}

export function sumsOf(list: SumList): readonly Sum[] {
  return list
    .split(',')
    .slice(0, -1)
    .map((one) => {
      const [ends, starts, amount, expiresAt] = one.split(' ');
      return { starts: Number(starts), ends: Number(ends), amount: decimalOf(amount), expiresAt: Number(expiresAt) };
    });
}

export function listOf(sums: readonly Sum[]): SumList {
  return sums.map(textOf).join('') as SumList;
}

/** The list after adding an amount to the sum of its period. */
export function withAmount(list: SumList, { ends, starts, amount, expiresAt }: Sum): SumList {
  const place = `${ends} ${starts} `;
  const at = list.startsWith(place) ? 0 : list.lastIndexOf(`,${place}`) + 1;
  if (at > 0 || list.startsWith(place)) {
    const past = list.indexOf(',', at) + 1;
    const [present] = sumsOf(list.slice(at, past) as SumList);
    if (present === undefined) throw new Error('a sum of a limit cannot be read');
    const sum = {
      ...present,
      amount: addDecimals(present.amount, amount),
      expiresAt: Math.max(present.expiresAt, expiresAt),
    };
    return `${list.slice(0, at)}${textOf(sum)}${list.slice(past)}` as SumList;
  }
  const last = sumsOf(list.slice(list.lastIndexOf(',', list.length - 2) + 1) as SumList)[0];
  const added = { starts, ends, amount, expiresAt };
  if (last === undefined || last.ends < ends) return `${list}${textOf(added)}` as SumList;
  return listOf([...sumsOf(list), added].sort((a, b) => a.ends - b.ends || a.starts - b.starts));
}

/** The part of the list with sums that end at this time or later. */
function endingFrom(list: SumList, from: number): string {
  let at = 0;
  while (at < list.length && Number(list.slice(at, list.indexOf(' ', at))) < from) at = list.indexOf(',', at) + 1;
  return list.slice(at);
}

const textOf = ({ ends, starts, amount, expiresAt }: Sum): string => `${ends} ${starts} ${amount} ${expiresAt},`;

function decimalOf(text: string | undefined): DecimalString {
  const decimal = parseDecimal(text);
  if (decimal === undefined) throw new Error('a sum of a limit is not a decimal');
  return decimal;
}
