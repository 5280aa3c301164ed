import {
  type LimitReading,
  limitReadingJson,
  type Standing,
  type StandingThing,
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

// What makes rows of limits count: the seal of a counter over its sums, the seal of a hold over what it took, and the newest
// revision of a counter that a record names (docs/threats/stolen-role-policy-engine.md).

/** What is counted together, within one limit. */
export interface CounterName {
  readonly limit: string;
  readonly key: string;
  readonly measure: string;
  readonly unit: string;
}

/** How much of a counter was taken in a stretch of time. */
interface Sum {
  readonly starts: number;
  readonly ends: number;
  readonly amount: DecimalString;
  readonly expiresAt: number;
}

/**
 * Sums, ascending by end and start, as the database writes them (`sumsColumn` of the store): end, start, amount and expiry, with a
 * blank between them and a comma behind each. They are read and sealed as text: there are hundreds of them for each order.
 */
export type SumList = Brand<string, 'SumList'>;

/** A counter as it was found. */
export interface FoundCounter extends CounterName {
  readonly id: string;
  readonly revision: number;
  /** The seal covers the sums that end then or later; null for a counter that was never sealed. */
  readonly sealedFrom: number | null;
  readonly seal: Buffer | null;
  /** From where the seal begins or earlier. */
  readonly sums: SumList;
}

/** What a hold has added to one counter. */
export interface HeldAmount extends CounterName {
  readonly starts: number;
  readonly ends: number;
  readonly amount: string;
  /** Of the counter, when it was added; null for a hold of the time before seals. */
  readonly revision: number | null;
}

/** What a reservation has taken. */
export interface SealedHold {
  readonly reservation: string;
  /** Null for a hold of the time before seals. */
  readonly taken: string | null;
  readonly readings: readonly LimitReading[];
  readonly amounts: readonly HeldAmount[];
  readonly seal: Buffer | null;
}

/** A row of the limits that is not as it was stored, or not the newest. */
export class LimitContradiction extends Error {
  readonly of: string;
  readonly found: Digest;
  readonly newest: StandingThing | undefined;
  constructor(of: string, found: Json, newest?: StandingThing) {
    super(`${of} is not as it was stored`);
    this.of = of;
    this.found = digestOf(found);
    this.newest = newest;
  }
}

/** Names of the revisions of a counter begin so. */
export function revisionsOf({ limit, key, measure, unit }: CounterName): string {
  return `limit-counter:${digestOf([limit, key, measure, unit])}:`;
}

/** Twelve digits: names are compared as text. */
const revisionName = (counter: CounterName, revision: number): string =>
  `${revisionsOf(counter)}${String(revision).padStart(12, '0')}`;

/** What the record of a step says of the counters that its reservation took from. */
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
 * A counter that was never sealed is a new one, or of the time before seals: then no record names a revision of it.
 *
 * @param newest revision that a record names, by a question to the log that was asked before the counter was read
 * @throws LimitContradiction
 */
export function requireCounter(rowSeal: RowSeal, counter: FoundCounter, newest: StandingThing | undefined): void {
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

/** @returns what tells this reservation of its order from others. @throws LimitContradiction */
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

/** The list once an amount has been added to the sum of a stretch. */
export function withAmount(list: SumList, { ends, starts, amount, expiresAt }: Sum): SumList {
  const place = `${ends} ${starts} `;
  const at = list.startsWith(place) ? 0 : list.lastIndexOf(`,${place}`) + 1;
  if (at > 0 || list.startsWith(place)) {
    const past = list.indexOf(',', at) + 1;
    const [present] = sumsOf(list.slice(at, past) as SumList);
    if (present === undefined) throw new Error('a sum was found that cannot be read');
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

/** The part of the list from the first sum on that ends then or later. */
function endingFrom(list: SumList, from: number): string {
  let at = 0;
  while (at < list.length && Number(list.slice(at, list.indexOf(' ', at))) < from) at = list.indexOf(',', at) + 1;
  return list.slice(at);
}

const textOf = ({ ends, starts, amount, expiresAt }: Sum): string => `${ends} ${starts} ${amount} ${expiresAt},`;

function decimalOf(text: string | undefined): DecimalString {
  const decimal = parseDecimal(text);
  if (decimal === undefined) throw new Error('a sum of a limit is no decimal');
  return decimal;
}
