import { type Actor, type AuditAppender, type AuditLog, auditLogErrors } from '@countersign/contracts';
import { bundleFormat, bundleLimits, type EvidenceBundle } from '@countersign/evidence';
import { type Clock, newId, type Random, type RecordId, type TransactionId } from '@countersign/kernel';
import { formatVerifierKey } from '@countersign/merkle-log';
import type { SignedCheckpoint } from './checkpointer.ts';
import type { LogKeys } from './log-key.ts';
import { mandatesNamedIn } from './mandate-column.ts';
import { logEntry } from './record-json.ts';
import type { LogStore, StoredEntry } from './store.ts';
import type { TreeReader } from './tree-reader.ts';

/** Ids asked for in one query. */
const idsAtOnce = 500;

/**
 * Makes the evidence of one transaction: collect, write down in the log what was collected, sign a checkpoint that
 * covers that too, prove everything.
 */
export function createBundleExport({
  store,
  tree,
  keys,
  sign,
  append,
  clock,
  random,
}: {
  readonly store: LogStore;
  readonly tree: TreeReader;
  readonly keys: LogKeys;
  readonly sign: () => Promise<SignedCheckpoint>;
  readonly append: AuditAppender['append'];
  readonly clock: Clock;
  readonly random: Random;
}): AuditLog['exportBundle'] {
  /** The transaction's records, with all they refer to and every version of the mandates they rest on. */
  async function collect(transaction: TransactionId): Promise<ReadonlyMap<string, StoredEntry>> {
    const collected = new Map<string, StoredEntry>();
    const asked = new Set<string>();
    let fresh = await store.search({ transaction, after: -1n, limit: bundleLimits.records + 1 });
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

  /** Records what belongs into the bundle, in as many records as it takes, before anything is let out. */
  async function writeManifest(
    transaction: TransactionId,
    requester: Actor,
    entries: readonly [string, StoredEntry][],
  ): Promise<readonly RecordId[]> {
    const parts = Math.ceil(entries.length / bundleLimits.manifestEntries);
    const manifest: RecordId[] = [];
    for (let part = 1; part <= parts; part++) {
      const id = newId('record', { clock, random });
      const listed = entries.slice((part - 1) * bundleLimits.manifestEntries, part * bundleLimits.manifestEntries);
      const records = listed.map(([recordId, entry]) => ({
        id: recordId,
        leaf_hash: entry.leafHash.toString('base64url'),
      }));
      await append({
        id,
        type: 'evidence.exported',
        source: 'audit-log',
        outcome: 'done',
        transaction,
        subject: requester,
        data: { transaction, part, parts, records },
      });
      manifest.push(id);
    }
    return manifest;
  }

  return async ({ transaction, requester, since }) => {
    const earlier = since === undefined ? undefined : { note: since, checkpoint: await keys.open(since) };
    const collected = [...(await collect(transaction))].toSorted(([, a], [, b]) => (a.index < b.index ? -1 : 1));
    if (collected.length === 0)
      throw auditLogErrors.error('transaction_without_records', 'The log holds nothing about this transaction.');
    const manifest = await writeManifest(transaction, requester, collected);
    const signed = await sign();
    if (earlier !== undefined && earlier.checkpoint.size > signed.size)
      throw auditLogErrors.error(
        'log_inconsistent',
        `The log has signed a tree of ${earlier.checkpoint.size} records and now holds ${signed.size}.`,
      );
    const entries = [...collected.map(([, entry]) => entry), ...(await store.byRecordIds(manifest))];
    const proofs = await tree.proveInclusions(
      entries.map(({ index }) => index),
      signed.size,
    );
    const bundle: EvidenceBundle = {
      format: bundleFormat,
      transaction,
      log: { origin: keys.origin, verifierKey: formatVerifierKey(signed.key) },
      checkpoint: signed.note,
      manifest,
      records: entries.map(({ index, bytes }, position) => ({
        index: index.toString(),
        leaf: bytes.toString('base64url'),
        proof: asText(proofs[position] ?? []),
      })),
    };
    if (earlier === undefined) return bundle;
    // Whether the proof leads from the reader's root to ours is for the reader to find out, not for us to judge.
    const proof = asText(await tree.proveConsistency(earlier.checkpoint.size, signed.size));
    return { ...bundle, consistency: { checkpoint: earlier.note, proof } };
  };
}

async function inSlices<Result>(
  ids: readonly string[],
  ask: (ids: readonly string[]) => Promise<readonly Result[]>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < ids.length; start += idsAtOnce)
    results.push(...(await ask(ids.slice(start, start + idsAtOnce))));
  return results;
}

function asText(hashes: readonly Buffer[]): readonly string[] {
  return hashes.map((hash) => hash.toString('base64url'));
}
