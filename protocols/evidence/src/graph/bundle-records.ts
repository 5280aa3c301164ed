import type { Json } from '@countersign/kernel';
import type { Disclosure, EvidenceBundle } from '../bundle.ts';
import { byRecord } from '../evidence.ts';
import { RecordMalformed } from '../members.ts';
import { restoreValues } from '../protected-values.ts';
import { readLeafJson } from '../record.ts';
import { type GraphRecord, View } from './record-view.ts';

/** Readable records with the values that the bundle discloses truly. `verifyBundle` reports the others. */
export function recordsOfBundle(bundle: EvidenceBundle): readonly GraphRecord[] {
  const disclosures = byRecord(bundle.disclosures);
  return bundle.records.flatMap(({ index, leaf }) => {
    const record = leaf === undefined ? undefined : readRestored(leaf, disclosures);
    return record === undefined ? [] : [{ index: BigInt(index), record }];
  });
}

function readRestored(leaf: string, disclosures: ReadonlyMap<string, readonly Disclosure[]>): Json | undefined {
  try {
    const record = readLeafJson(Buffer.from(leaf, 'base64url'));
    const id = new View(record).text('id');
    const { record: restored, withheld } = restoreValues(record, id === undefined ? [] : (disclosures.get(id) ?? []));
    return withoutOpened(restored, withheld);
  } catch (error) {
    if (error instanceof RecordMalformed) return undefined;
    throw error;
  }
}

/** `protected` then names only withheld values. */
function withoutOpened(record: Json, withheld: ReadonlyMap<string, unknown>): Json {
  if (typeof record !== 'object' || record === null || Array.isArray(record) || !('protected' in record)) return record;
  // A parsed JSON object.
  const { protected: commitments, ...rest } = record as Readonly<Record<string, Json>>;
  const members =
    typeof commitments === 'object' && commitments !== null && !Array.isArray(commitments) ? commitments : {};
  const left = Object.entries(members).filter(([path]) => withheld.has(path));
  return left.length === 0 ? rest : { ...rest, protected: Object.fromEntries(left) };
}
