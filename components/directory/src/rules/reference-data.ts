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

/** Only the file that fills an empty directory may contain rates. */
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

/** People also need the role. */
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

/** Instruments and rates that would permit more than before. */
export function easedReferenceData({ written }: Pick<ChangeSet, 'written'>, before: Graph): readonly string[] {
  return written.filter((entry) => easesInstrument(entry, before) || easesRate(entry, before)).map(({ id }) => id);
}

function easesInstrument(entry: Entry, before: Graph): boolean {
  const was = instrumentOf(before.get(entryKey(entry)));
  const is = instrumentOf(entry);
  if (was === undefined || is === undefined) return false;
  return (
    (was.complex && !is.complex) ||
    // Category and group, because rules refer to both.
    was.cfi.slice(0, 2) !== is.cfi.slice(0, 2) ||
    was.currency !== is.currency ||
    compareDecimals(is.priceMultiplier, was.priceMultiplier) < 0 ||
    is.targetMarket.some((category) => !was.targetMarket.includes(category)) ||
    is.venues.some((mic) => !was.venues.includes(mic)) ||
    // An instrument without a venue is traded over the counter.
    (is.venues.length === 0 && was.venues.length > 0)
  );
}

// A valid decimal.
const nineTenths = '0.9' as DecimalString;

/**
 * Compared with the anchor: many small steps could cover any distance. Without a rate, every amount is above every
 * threshold, so the first rate eases.
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

/** The anchor is the highest rate since a second person last approved a lower one. */
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
