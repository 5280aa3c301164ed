import { auditLogErrors, type EvidenceRecord, type RecordType } from '@countersign/contracts';
import { bundleLimits } from '@countersign/evidence';
import { type Json, membersOf, type TransactionId } from '@countersign/kernel';
import { mandatesNamedIn } from './mandate-column.ts';
import { logEntry } from './record-json.ts';
import type { LogStore, PrunedEntry, StoredEntry } from './store.ts';

const idsAtOnce = 500;

/** With all records and mandate versions that it refers to, by record id. @throws CodedError `bundle_too_large` */
export async function collectEvidence(
  store: LogStore,
  transaction: TransactionId,
): Promise<ReadonlyMap<string, StoredEntry>> {
  return withGrounds(
    store,
    new Map(),
    await store.search({ transaction, after: -1n, limit: bundleLimits.records + 1 }),
  );
}

/** Adds entries with all records they refer to. @throws CodedError `bundle_too_large` */
export async function withGrounds(
  store: LogStore,
  already: ReadonlyMap<string, StoredEntry>,
  entries: readonly StoredEntry[],
): Promise<ReadonlyMap<string, StoredEntry>> {
  const collected = new Map(already);
  const asked = new Set<string>();
  let fresh = entries;
  while (fresh.length > 0) {
    const references = new Set<string>();
    const mandates = new Set<string>();
    for (const entry of fresh) {
      const { record } = logEntry(entry);
      collected.set(record.id, entry);
      for (const reference of record.references ?? []) references.add(reference);
      for (const mandate of mandatesNamedIn(record)) mandates.add(mandate);
    }
    if (collected.size > bundleLimits.records)
      throw auditLogErrors.error(
        'bundle_too_large',
        `The evidence of this transaction has more than ${bundleLimits.records} records.`,
      );
    fresh = [
      ...(await inSlices(unasked(references), (ids) => store.byRecordIds(ids))),
      ...(await inSlices(unasked(mandates), (ids) => store.ofMandates(ids, bundleLimits.records + 1))),
    ];
  }
  return collected;

  function unasked(ids: ReadonlySet<string>): readonly string[] {
    const rest = [...ids].filter((id) => !asked.has(id) && !collected.has(id));
    for (const id of rest) asked.add(id);
    return rest;
  }
}

export async function inSlices<Result>(
  ids: readonly string[],
  ask: (ids: readonly string[]) => Promise<readonly Result[]>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < ids.length; start += idsAtOnce)
    results.push(...(await ask(ids.slice(start, start + idsAtOnce))));
  return results;
}

export interface ExplainedEvidence {
  readonly entries: ReadonlyMap<string, StoredEntry>;
  readonly pruned: readonly PrunedEntry[];
}

/** Adds pruned entries by hash, with the records that explain why. @throws CodedError `bundle_too_large` */
export async function explainAbsences(
  store: LogStore,
  transaction: TransactionId,
  collected: ReadonlyMap<string, StoredEntry>,
): Promise<ExplainedEvidence> {
  const records = [...collected.values()].map((entry) => logEntry(entry).record);
  const unmet = records.flatMap(({ references = [] }) => references).filter((id) => !collected.has(id));
  const pruned = new Map<string, PrunedEntry>();
  const ofTransaction = await store.pruned({ transaction }, bundleLimits.records);
  const restedOn = await inSlices([...new Set(unmet)], (recordIds) => store.pruned({ recordIds }, recordIds.length));
  for (const entry of [...ofTransaction, ...restedOn]) pruned.set(entry.recordId, entry);

  const open = new Set([...pruned.values()].map(({ index }) => index));
  const keys = new Set(records.flatMap((record) => Object.values(record.protected ?? {}).map(({ key }) => key)));
  const said = [
    ...(open.size === 0
      ? []
      : await entriesOfType(store, 'log.pruned', (record) => {
          const explained = rangesOf(record).flatMap(([first, last]) =>
            [...open].filter((index) => BigInt(first) <= index && index <= BigInt(last)),
          );
          for (const index of explained) open.delete(index);
          return explained.length > 0;
        })),
    ...(keys.size === 0
      ? []
      : await entriesOfType(store, 'erasure.completed', (record) => {
          const named = membersOf(record.data)?.['keys'];
          return Array.isArray(named) && named.some((key: Json) => typeof key === 'string' && keys.has(key));
        })),
  ];
  return {
    entries: said.length === 0 ? collected : await withGrounds(store, collected, said),
    pruned: [...pruned.values()].toSorted((one, other) => (one.index < other.index ? -1 : 1)),
  };
}

const page = 500;

/** Only for types that are rare and never pruned. */
async function entriesOfType(
  store: LogStore,
  type: RecordType,
  isWanted: (record: EvidenceRecord) => boolean,
): Promise<readonly StoredEntry[]> {
  const wanted: StoredEntry[] = [];
  for (let after = -1n; ; ) {
    const found = await store.search({ types: [type], after, limit: page });
    wanted.push(...found.filter((entry) => isWanted(logEntry(entry).record)));
    const last = found.at(-1);
    if (last === undefined || found.length < page) return wanted;
    after = last.index;
  }
}

function rangesOf({ data }: EvidenceRecord): readonly (readonly [number, number])[] {
  const ranges = membersOf(data)?.['ranges'];
  if (!Array.isArray(ranges)) return [];
  return ranges.flatMap((range: Json) => {
    const [first, last] = Array.isArray(range) ? range : [];
    return typeof first === 'number' && typeof last === 'number' ? [[first, last] as const] : [];
  });
}
