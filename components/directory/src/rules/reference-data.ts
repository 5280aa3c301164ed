import {
  type DirectorySnapshot,
  directoryErrors,
  type Instrument,
  type Rate,
  type Requester,
} from '@countersign/contracts';
import { type CodedError, compareDecimals, type DecimalString, multiplyDecimals } from '@countersign/kernel';
import type { ChangeSet } from '../changes.ts';
import { type Entry, entryKey, type Graph } from '../entry.ts';
import type { State } from '../state.ts';
import type { ChangeScope } from './findings.ts';

/** Rates that a change adds or changes by another right. The file that fills an empty directory may hold them. */
export function refuseRates(
  { written, removed }: Pick<ChangeSet, 'written' | 'removed'>,
  { version }: Pick<State, 'version'>,
  scope: ChangeScope,
): CodedError | undefined {
  if (scope === 'reference:record' || version === 0) return undefined;
  if (![...written, ...removed].some(({ entity }) => entity.kind === 'rate')) return undefined;
  return directoryErrors.error(
    'reference_scope_required',
    'Exchange rates are recorded by reference data software (POST /directory/rates, scope reference:record). Leave `rates` out.',
  );
}

/** Why somebody who holds the scope may not record reference data. */
export function refuseOutsideReferenceData(
  { id, institution }: Requester,
  snapshot: Pick<DirectorySnapshot, 'principal'>,
  isOperator: (institution: string) => boolean,
): CodedError | undefined {
  const holdsRole = snapshot.principal(id)?.roles.includes('reference-data') === true;
  if (institution !== undefined && isOperator(institution) && holdsRole) return undefined;
  return directoryErrors.error(
    'reference_scope_required',
    'Reference data is recorded by the software of the operator that has the role reference-data.',
  );
}

/** Instruments and rates with which more would be possible than before. */
export function easedReferenceData({ written }: Pick<ChangeSet, 'written'>, before: Graph): readonly string[] {
  return written.filter((entry) => easesInstrument(entry, before) || easesRate(entry, before)).map(({ id }) => id);
}

function easesInstrument(entry: Entry, before: Graph): boolean {
  const was = instrumentOf(before.get(entryKey(entry)));
  const is = instrumentOf(entry);
  if (was === undefined || is === undefined) return false;
  return (
    (was.complex && !is.complex) ||
    // Category and group: rules speak of both.
    was.cfi.slice(0, 2) !== is.cfi.slice(0, 2) ||
    was.currency !== is.currency ||
    compareDecimals(is.priceMultiplier, was.priceMultiplier) < 0 ||
    is.targetMarket.some((category) => !was.targetMarket.includes(category)) ||
    is.venues.some((mic) => !was.venues.includes(mic)) ||
    // Without a venue it is dealt over the counter.
    (is.venues.length === 0 && was.venues.length > 0)
  );
}

const nineTenths = '0.9' as DecimalString;

/**
 * Worth a tenth less, what was above a threshold may be below it. Less than what: the anchor, not the rate before, since a tenth again
 * and again is any distance. Without a rate everything is above every threshold: the first one eases, however high.
 */
function easesRate(entry: Entry, before: Graph): boolean {
  const was = rateOf(before.get(entryKey(entry)));
  const is = rateOf(entry);
  if (is === undefined) return false;
  return was === undefined || isBelow(is.rate, was.anchor);
}

function isBelow(rate: DecimalString, anchor: DecimalString): boolean {
  return compareDecimals(rate, multiplyDecimals(anchor, nineTenths)) < 0;
}

/**
 * Rates with their anchors: the highest rate since a second person last agreed to a lower one. What is below the anchor by more than a
 * tenth is only made with a second person ({@link easesRate}), and is the anchor from then on.
 */
export function withAnchors(entries: readonly Entry[], stored: Graph): readonly Entry[] {
  return entries.map((entry) => {
    const { entity, document } = entry;
    if (entity.kind !== 'rate') return entry;
    const { rate } = entity.value;
    const before = rateOf(stored.get(entryKey(entry)))?.anchor;
    const anchor = before === undefined || isBelow(rate, before) || compareDecimals(rate, before) > 0 ? rate : before;
    return {
      ...entry,
      document: { ...document, anchor },
      entity: { kind: 'rate', value: { ...entity.value, anchor } },
    };
  });
}

function instrumentOf(entry: Entry | undefined): Instrument | undefined {
  return entry?.entity.kind === 'instrument' ? entry.entity.value : undefined;
}

function rateOf(entry: Entry | undefined): Rate | undefined {
  return entry?.entity.kind === 'rate' ? entry.entity.value : undefined;
}
