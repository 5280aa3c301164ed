import {
  type DirectoryRequester,
  type DirectorySnapshot,
  directoryErrors,
  type Instrument,
  type Rate,
} from '@countersign/contracts';
import {
  type CodedError,
  compareDecimals,
  type DecimalString,
  multiplyDecimals,
  parseInstant,
} from '@countersign/kernel';
import type { ChangeSet } from '../changes.ts';
import { type Entry, entryKey, type Graph } from '../entry.ts';
import type { Problems } from '../problems.ts';
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
  { id, institution }: DirectoryRequester,
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
 * Worth a tenth less, what was above a threshold may be below it. Rates move by less within days. Without a rate everything is above
 * every threshold: the first one eases, however high.
 */
function easesRate(entry: Entry, before: Graph): boolean {
  const was = rateOf(before.get(entryKey(entry)));
  const is = rateOf(entry);
  if (is === undefined) return false;
  return was === undefined || compareDecimals(is.rate, multiplyDecimals(was.rate, nineTenths)) < 0;
}

function instrumentOf(entry: Entry | undefined): Instrument | undefined {
  return entry?.entity.kind === 'instrument' ? entry.entity.value : undefined;
}

function rateOf(entry: Entry | undefined): Rate | undefined {
  return entry?.entity.kind === 'rate' ? entry.entity.value : undefined;
}

/** The clock of the source may be this far ahead of ours. */
const clockDifferenceMs = 60_000;

/** Dated ahead, a rate would count for longer than it is good. */
export function checkPostdatedReferenceData(
  { written }: Pick<ChangeSet, 'written'>,
  now: number,
  problems: Problems,
): void {
  for (const { entity, path } of written) {
    if (entity.kind !== 'instrument' && entity.kind !== 'rate') continue;
    if ((parseInstant(entity.value.asOf) ?? 0) > now + clockDifferenceMs)
      problems
        .place(path)
        .at('as_of')
        .report(
          'reference_postdated',
          `Reference data cannot be dated in the future (${entity.value.asOf}). Give the time at which it was known.`,
        );
  }
}
