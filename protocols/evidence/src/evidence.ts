import { type Digest, decodeBase64Url, digestOf, parseDigest, type RecordId } from '@countersign/kernel';
import { hashLeaf } from '@countersign/merkle-log';
import type { BundledLeaf, Disclosure, EvidenceBundle } from './bundle.ts';
import { type Facts, isHidden } from './facts.ts';
import type { KeyHandover } from './key-handover.ts';
import { RecordMalformed } from './members.ts';
import { type FalseDisclosure, restoreValues } from './protected-values.ts';
import { type BundledRecord, readLeafJson, readRecord, readRecordId } from './record.ts';

export interface BundleTrust {
  /** C2SP verifier key from any source except the sender of the bundle. */
  readonly logVerifierKey?: string;
  /** An earlier checkpoint note that the reader kept. */
  readonly checkpoint?: string;
  /** C2SP tlog-policy with the required cosignatures. Logs that it names are also trusted. */
  readonly policy?: string;
  /** DER of certificates of time-stamping authorities or their issuers. */
  readonly timeStampAuthorities?: readonly Uint8Array[];
  /** DER of root certificates for the chains of presented certificates. */
  readonly certificateAuthorities?: readonly Uint8Array[];
  /** Envelopes (compact JWS) that the reader received. */
  readonly envelopes?: readonly string[];
  /** Between the keys of the log, as it publishes them; for bundles that are older than the key above. */
  readonly handovers?: readonly KeyHandover[];
}

/** Nothing in it is trusted yet. */
export interface Evidence {
  readonly bundle: EvidenceBundle;
  readonly trust: BundleTrust;
  readonly leaves: readonly Leaf[];
  readonly leafById: ReadonlyMap<string, Leaf>;
  /** In log order. */
  readonly records: readonly BundledRecord[];
  readonly byId: ReadonlyMap<string, BundledRecord>;
  /** Recomputed, or as recorded if the intent is withheld; undefined if no record opens the transaction. */
  readonly intentDigest: Digest | undefined;
  readonly disclosed: DisclosureCount;
}

export interface DisclosureCount {
  readonly opened: number;
  readonly faults: readonly (FalseDisclosure & { readonly record: RecordId })[];
}

export interface Leaf {
  readonly index: bigint;
  readonly hash: Buffer;
  readonly proof: readonly Buffer[];
  /** Undefined if unreadable. */
  readonly id: RecordId | undefined;
  readonly reading:
    | { readonly state: 'read'; readonly record: BundledRecord }
    | { readonly state: 'malformed'; readonly problem: string }
    /** Only the hash is left. */
    | { readonly state: 'pruned' };
}

export function layOut(bundle: EvidenceBundle, trust: BundleTrust): Evidence {
  const disclosures = byRecord(bundle.disclosures);
  const readings = bundle.records.map((leaf) => readLeaf(leaf, disclosures));
  const records = readings.flatMap(({ leaf }) => (leaf.reading.state === 'read' ? [leaf.reading.record] : []));
  const listed = new Map(
    recordsOf(records, 'evidence.exported').flatMap(({ facts }) =>
      facts.records.map(({ id, leafHash }) => [leafHash.toString(), id] as const),
    ),
  );
  // Only manifests name pruned leaves.
  const leaves = readings.map(({ leaf }) => ({ ...leaf, id: leaf.id ?? listed.get(leaf.hash.toString('base64url')) }));
  const present = new Set(readings.map(({ leaf }) => leaf.id));
  return {
    bundle,
    trust,
    leaves,
    // The first record with an id wins, so that a later one cannot replace it.
    leafById: new Map(leaves.toReversed().flatMap((leaf) => (leaf.id === undefined ? [] : [[leaf.id, leaf]]))),
    records,
    byId: new Map(records.toReversed().map((record) => [record.id, record])),
    intentDigest: intentDigestOf(records, bundle),
    disclosed: {
      opened: readings.reduce((sum, { opened }) => sum + opened, 0),
      faults: [
        ...readings.flatMap(({ faults }) => faults),
        ...(bundle.disclosures ?? [])
          .filter(({ record }) => !present.has(record))
          .map(({ record, path }) => ({
            record,
            path,
            code: 'disclosure_unlisted' as const,
            detail: `A value at ${path} is disclosed of a record that is not in the bundle, or cannot be read.`,
          })),
      ],
    },
  };
}

export function byRecord(disclosures: readonly Disclosure[] = []): ReadonlyMap<string, readonly Disclosure[]> {
  const found = new Map<string, Disclosure[]>();
  for (const disclosure of disclosures) {
    const others = found.get(disclosure.record);
    if (others === undefined) found.set(disclosure.record, [disclosure]);
    else others.push(disclosure);
  }
  return found;
}

interface LeafReading extends DisclosureCount {
  readonly leaf: Leaf;
}

function readLeaf(
  { index, leaf, leafHash, proof }: BundledLeaf,
  disclosures: ReadonlyMap<string, readonly Disclosure[]>,
): LeafReading {
  const place = { index: BigInt(index), proof: proof.map(octetsOf) };
  if (leaf === undefined)
    return {
      leaf: { ...place, hash: octetsOf(leafHash ?? ''), id: undefined, reading: { state: 'pruned' } },
      opened: 0,
      faults: [],
    };
  const bytes = octetsOf(leaf);
  const hash = hashLeaf(bytes);
  let id: RecordId | undefined;
  try {
    const json = readLeafJson(bytes);
    id = readRecordId(json);
    const restored = restoreValues(json, (id === undefined ? undefined : disclosures.get(id)) ?? []);
    const record = readRecord(place.index, restored);
    return {
      leaf: { ...place, hash, id: record.id, reading: { state: 'read', record } },
      opened: restored.opened,
      faults: restored.faults.map((fault) => ({ ...fault, record: record.id })),
    };
  } catch (error) {
    if (!(error instanceof RecordMalformed)) throw error;
    const reading = { state: 'malformed', problem: error.message } as const;
    return { leaf: { ...place, hash, id, reading }, opened: 0, faults: [] };
  }
}

/** The form was checked when the bundle was parsed. */
export function octetsOf(text: string): Buffer {
  return decodeBase64Url(text) ?? Buffer.alloc(0);
}

function intentDigestOf(records: readonly BundledRecord[], { transaction }: EvidenceBundle): Digest | undefined {
  const opened = recordsOf(records, 'transaction.opened').find((record) => record.transaction === transaction);
  if (opened === undefined) return undefined;
  return opened.facts.intent === undefined ? parseDigest(opened.intent) : digestOf(opened.facts.intent);
}

export function hiddenFrom(
  evidence: Evidence,
  reads: Readonly<Record<string, readonly string[]>>,
): readonly BundledRecord[] {
  return evidence.records.filter(({ type, withheld }) => {
    const places = Object.hasOwn(reads, type) ? reads[type] : undefined;
    return places !== undefined && isHidden(type, [...withheld.keys()], places);
  });
}

/** Includes records outside the transaction. */
export function recordsOf<Kind extends Facts['kind']>(
  records: readonly BundledRecord[],
  kind: Kind,
): readonly BundledRecord<Extract<Facts, { kind: Kind }>>[] {
  return records.filter(
    (record): record is BundledRecord<Extract<Facts, { kind: Kind }>> => record.facts.kind === kind,
  );
}

export function ownRecords(evidence: Evidence): readonly BundledRecord[] {
  return evidence.records.filter((record) => record.transaction === evidence.bundle.transaction);
}
