import type { EvidenceRecord, HoldScope, RetentionClass } from '@countersign/contracts';
import { mandateTerm, matches, restsOnTerm, termNumber } from '../query/record-terms.ts';
import type { CustodyStore, DueBody } from '../store/custody.ts';

export interface DueRecord extends DueBody {
  readonly record: EvidenceRecord;
}

export interface Reliance {
  /** Records that others refer to, and mandates in use or in force. */
  readonly needed: ReadonlySet<string>;
}

export interface Sorted {
  readonly going: readonly DueRecord[];
  readonly held: number;
  readonly needed: number;
}

export async function relianceOn(
  slice: readonly DueRecord[],
  store: CustodyStore,
  due: { readonly class: RetentionClass; readonly before: bigint },
): Promise<Reliance> {
  const termOf = ({ recordId }: DueRecord): bigint => termNumber(restsOnTerm(recordId));
  const elsewhere = await store.termsElsewhere(
    slice.map(termOf),
    slice.map(({ index }) => index),
  );
  const mandates = [...new Set(slice.flatMap(({ mandate }) => mandate ?? []))];
  const inUse =
    mandates.length === 0
      ? []
      : await store.mandatesInUse(
          mandates.map((mandate) => ({ mandate, term: termNumber(mandateTerm(mandate)) })),
          due,
        );
  const needed = slice.filter((each) => elsewhere.has(termOf(each))).map(({ recordId }) => recordId);
  return { needed: new Set([...needed, ...inUse]) };
}

/** @param slice newest first: referring records come earlier @param since ids that unindexed records refer to */
export function sortRetained(
  slice: readonly DueRecord[],
  {
    holds,
    reliance,
    since,
  }: { readonly holds: readonly HoldScope[]; readonly reliance: Reliance; readonly since: ReadonlySet<string> },
): Sorted {
  const relied = new Set<string>();
  const isNeeded = (id: string): boolean => reliance.needed.has(id) || since.has(id) || relied.has(id);
  const going: DueRecord[] = [];
  let held = 0;
  let needed = 0;
  for (const each of slice) {
    if (holds.some((scope) => matches(scope, each.record))) held++;
    else if (isNeeded(each.recordId) || (each.mandate !== null && isNeeded(each.mandate))) needed++;
    else {
      going.push(each);
      continue;
    }
    for (const id of each.record.references ?? []) relied.add(id);
  }
  return { going, held, needed };
}
