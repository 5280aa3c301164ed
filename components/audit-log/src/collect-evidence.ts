import { auditLogErrors } from '@countersign/contracts';
import { bundleLimits } from '@countersign/evidence';
import type { TransactionId } from '@countersign/kernel';
import { mandatesNamedIn } from './mandate-column.ts';
import { logEntry } from './record-json.ts';
import type { LogStore, StoredEntry } from './store.ts';

/** Ids asked for in one query. */
const idsAtOnce = 500;

/**
 * A transaction's records, with all they refer to and every version of the mandates they rest on: by record id, as they
 * stand in the log. What a bundle holds and what the graph is drawn from is this, and nothing else.
 *
 * @throws CodedError `bundle_too_large`
 */
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

/**
 * What was collected, with these entries and all that they rest on.
 *
 * @throws CodedError `bundle_too_large`
 */
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
        `The evidence of this transaction is more than ${bundleLimits.records} records.`,
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

/** Asks for many ids, so many at once. */
export async function inSlices<Result>(
  ids: readonly string[],
  ask: (ids: readonly string[]) => Promise<readonly Result[]>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < ids.length; start += idsAtOnce)
    results.push(...(await ask(ids.slice(start, start + idsAtOnce))));
  return results;
}
