import {
  type Actor,
  type AuditAppender,
  type AuditLog,
  auditLogErrors,
  type BundleDisclosure,
  type Disclosure,
} from '@countersign/contracts';
import {
  type BundledHandover,
  bundleFormat,
  bundleFormatWithHandovers,
  bundleLimits,
  type EvidenceBundle,
} from '@countersign/evidence';
import { type Clock, newId, type Random, type RecordId, type TransactionId } from '@countersign/kernel';
import { formatVerifierKey } from '@countersign/merkle-log';
import { stampsOver } from './bundle-time-stamps.ts';
import { collectEvidence, explainAbsences } from './collect-evidence.ts';
import type { KeyRotations } from './key-rotations.ts';
import type { LogKeys } from './log-key.ts';
import type { Protection } from './protection/protection.ts';
import { disclose } from './reading/disclose.ts';
import { logEntry } from './record-json.ts';
import type { SignedCheckpoint } from './signed-head.ts';
import type { LogStore, PrunedEntry, StoredEntry } from './store.ts';
import type { TreeReader } from './tree-reader.ts';

/** Records the list of records, then signs a checkpoint over it and proves everything. */
export function createBundleExport(dependencies: {
  readonly store: LogStore;
  readonly tree: TreeReader;
  readonly keys: LogKeys;
  readonly rotations: Pick<KeyRotations, 'handovers'>;
  readonly sign: () => Promise<SignedCheckpoint>;
  readonly append: AuditAppender['append'];
  readonly protection: Pick<Protection, 'open'>;
  readonly clock: Clock;
  readonly random: Random;
}): AuditLog['exportBundle'] {
  const { store, tree, keys, rotations, sign, append, protection, clock, random } = dependencies;
  /** Recorded before anything is released. */
  async function writeManifest(
    transaction: TransactionId,
    requester: Actor,
    entries: readonly Named<StoredEntry | PrunedEntry>[],
    disclosure: BundleDisclosure | undefined,
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
        // Parts of different exports must not be combined: records might be missing from both.
        ...(manifest[0] === undefined ? {} : { references: [manifest[0]] }),
        data: {
          transaction,
          part,
          parts,
          records,
          ...(disclosure === undefined
            ? {}
            : {
                disclosed: disclosure.kinds,
                ...(disclosure.purpose === undefined ? {} : { purpose: disclosure.purpose }),
              }),
        },
      });
      manifest.push(id);
    }
    return manifest;
  }

  async function disclosuresOf(
    entries: readonly StoredEntry[],
    disclosure: BundleDisclosure,
  ): Promise<readonly Disclosure[]> {
    const records = entries.map((entry) => logEntry(entry).record);
    const opened = await protection.open(records);
    return records.flatMap((record, place) => {
      const shown = disclose(
        record,
        opened[place] ?? [],
        ({ commitment: { kind }, subject }) =>
          subject !== undefined && disclosure.kinds.includes(kind) && disclosure.mayBeShown({ kind, subject }, record),
      );
      return shown.disclosures;
    });
  }

  async function handoversUntil({ size }: SignedCheckpoint): Promise<readonly BundledHandover[]> {
    const made = await rotations.handovers(size);
    return Promise.all(
      made.map(async ({ size: from, ...handover }) => ({
        ...handover,
        consistency: asText(await tree.proveConsistency(from, size)),
      })),
    );
  }

  return async ({ transaction, requester, since, disclose: disclosure }) => {
    const earlier = since === undefined ? undefined : { note: since, checkpoint: await keys.open(since) };
    const known = await collectEvidence(store, transaction);
    if (known.size === 0 && (await store.pruned({ transaction }, 1)).length === 0)
      throw auditLogErrors.error('transaction_without_records', 'The log holds nothing about this transaction.');
    const { entries: explained, pruned } = await explainAbsences(store, transaction, known);
    const collected = inOrder<StoredEntry | PrunedEntry>([
      ...explained,
      ...pruned.map((entry): Named<PrunedEntry> => [entry.recordId, entry]),
    ]);
    const manifest = await writeManifest(transaction, requester, collected, disclosure);
    const signed = await sign();
    if (earlier !== undefined && earlier.checkpoint.size > signed.size)
      throw auditLogErrors.error(
        'log_inconsistent',
        `The log has signed a tree of ${earlier.checkpoint.size} records and now holds ${signed.size}.`,
      );
    const own = await store.byRecordIds(manifest);
    const entries = [...collected.map(([, entry]) => entry), ...own];
    const [first, last] = [entries[0], collected.at(-1)?.[1]];
    const proofs = await tree.proveInclusions(
      entries.map(({ index }) => index),
      signed.size,
    );
    const disclosures =
      disclosure === undefined
        ? []
        : await disclosuresOf([...inOrder([...explained]).map(([, entry]) => entry), ...own], disclosure);
    const timeStamps =
      first === undefined || last === undefined
        ? []
        : await stampsOver({ first: first.index, last: last.index }, signed, { store, tree, keys });
    const handovers = await handoversUntil(signed);
    const bundle: EvidenceBundle = {
      format: handovers.length === 0 ? bundleFormat : bundleFormatWithHandovers,
      transaction,
      log: { origin: keys.origin, verifierKey: formatVerifierKey(signed.key) },
      checkpoint: signed.note,
      manifest,
      records: entries.map((entry, position) => ({
        index: entry.index.toString(),
        ...(entry.bytes === undefined
          ? { leafHash: entry.leafHash.toString('base64url') }
          : { leaf: entry.bytes.toString('base64url') }),
        proof: asText(proofs[position] ?? []),
      })),
      ...(disclosures.length === 0 ? {} : { disclosures }),
      ...(timeStamps.length === 0 ? {} : { timeStamps }),
      ...(handovers.length === 0 ? {} : { handovers }),
    };
    if (earlier === undefined) return bundle;
    // The reader verifies the proof against their own checkpoint.
    const proof = asText(await tree.proveConsistency(earlier.checkpoint.size, signed.size));
    return { ...bundle, consistency: { checkpoint: earlier.note, proof } };
  };
}

type Named<Entry> = readonly [recordId: string, entry: Entry];

function inOrder<Entry extends { readonly index: bigint }>(entries: readonly Named<Entry>[]): readonly Named<Entry>[] {
  return entries.toSorted(([, one], [, other]) => (one.index < other.index ? -1 : 1));
}

function asText(hashes: readonly Buffer[]): readonly string[] {
  return hashes.map((hash) => hash.toString('base64url'));
}
