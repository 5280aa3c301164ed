import { type Digest, digestOf, type RecordId } from '@countersign/kernel';
import { hashLeaf } from '@countersign/merkle-log';
import type { EvidenceBundle } from './bundle.ts';
import type { Facts } from './facts.ts';
import { RecordMalformed } from './members.ts';
import { type BundledRecord, readRecord, readRecordId } from './record.ts';

/** What a reader knows from elsewhere than the bundle: the more of it, the less has to be taken on trust. */
export interface BundleTrust {
  /** The log's C2SP verifier key, from anyone but the sender of the bundle. */
  readonly logVerifierKey?: string;
  /** A checkpoint note of the same log that the reader kept from earlier. */
  readonly checkpoint?: string;
}

/** A bundle laid out for the checks. Nothing in it is trusted yet. */
export interface Evidence {
  readonly bundle: EvidenceBundle;
  readonly trust: BundleTrust;
  readonly leaves: readonly Leaf[];
  readonly leafById: ReadonlyMap<string, Leaf>;
  /** The leaves that could be read, in the order of the log. */
  readonly records: readonly BundledRecord[];
  readonly byId: ReadonlyMap<string, BundledRecord>;
  /** The digest of the intent as it was opened; undefined when no record of the bundle opens the transaction. */
  readonly intentDigest: Digest | undefined;
}

export interface Leaf {
  readonly index: bigint;
  readonly hash: Buffer;
  readonly proof: readonly Buffer[];
  /** Undefined when not even the id can be read. */
  readonly id: RecordId | undefined;
  readonly reading:
    | { readonly ok: true; readonly record: BundledRecord }
    | { readonly ok: false; readonly problem: string };
}

export function layOut(bundle: EvidenceBundle, trust: BundleTrust): Evidence {
  const leaves = bundle.records.map(({ index, leaf, proof }) => {
    const bytes = Buffer.from(leaf, 'base64url');
    return {
      index: BigInt(index),
      hash: hashLeaf(bytes),
      proof: proof.map((hash) => Buffer.from(hash, 'base64url')),
      id: readRecordId(bytes),
      reading: read(BigInt(index), bytes),
    };
  });
  const records = leaves.flatMap((leaf) => (leaf.reading.ok ? [leaf.reading.record] : []));
  const opened = recordsOf(records, 'transaction.opened').find((record) => record.transaction === bundle.transaction);
  return {
    bundle,
    trust,
    leaves,
    // The first of two records with one id wins, so that a later one cannot stand in for it.
    leafById: new Map(leaves.toReversed().flatMap((leaf) => (leaf.id === undefined ? [] : [[leaf.id, leaf]]))),
    records,
    byId: new Map(records.toReversed().map((record) => [record.id, record])),
    intentDigest: opened === undefined ? undefined : digestOf(opened.facts.intent),
  };
}

function read(index: bigint, bytes: Uint8Array): Leaf['reading'] {
  try {
    return { ok: true, record: readRecord(index, bytes) };
  } catch (error) {
    if (error instanceof RecordMalformed) return { ok: false, problem: error.message };
    throw error;
  }
}

/** The records whose facts are of this kind, wherever they belong. */
export function recordsOf<Kind extends Facts['kind']>(
  records: readonly BundledRecord[],
  kind: Kind,
): readonly BundledRecord<Extract<Facts, { kind: Kind }>>[] {
  return records.filter(
    (record): record is BundledRecord<Extract<Facts, { kind: Kind }>> => record.facts.kind === kind,
  );
}

/** The records of the transaction itself, without those they rest on. */
export function ownRecords(evidence: Evidence): readonly BundledRecord[] {
  return evidence.records.filter((record) => record.transaction === evidence.bundle.transaction);
}
