import { decodeBase64Url, parseId, type RecordId, type TransactionId } from '@countersign/kernel';

export const bundleFormat = 'countersign-evidence-bundle/1';

/**
 * Bounds of a bundle. They are part of the format: a reader may rely on them before it parses anything.
 * `manifestEntries` keeps one manifest record under the 65,535 bytes of a log entry (C2SP tlog-tiles).
 */
export const bundleLimits = {
  records: 10_000,
  manifests: 16,
  manifestEntries: 650,
  leafBytes: 65_535,
  proofHashes: 65,
  noteLength: 16_384,
  verifierKeyLength: 512,
} as const;

/**
 * Everything the log holds about one transaction, in one JSON document that can be checked offline.
 *
 * Hashes and leaves are base64url without padding; sizes and indexes are decimal text, because they are
 * 64-bit numbers and JSON's are not. Unknown members are refused, so that nothing can travel unchecked.
 */
export interface EvidenceBundle {
  readonly format: typeof bundleFormat;
  readonly transaction: TransactionId;
  /** As the exporter states it. A reader who has the key from elsewhere passes that to `verifyBundle`. */
  readonly log: {
    readonly origin: string;
    /** C2SP vkey: `<name>+<key id>+<base64 key>`. */
    readonly verifierKey: string;
  };
  /** Signed note (C2SP tlog-checkpoint) of a tree that covers every record below. */
  readonly checkpoint: string;
  /** The `evidence.exported` records of this export: together they list every other record that belongs in here. */
  readonly manifest: readonly RecordId[];
  /** In the order of the log. */
  readonly records: readonly BundledLeaf[];
  /** Proof that the log only grew since a checkpoint that the requester already held. */
  readonly consistency?: {
    readonly checkpoint: string;
    readonly proof: readonly string[];
  };
}

/** One record: the exact bytes that were hashed into the log, never re-serialised, and the way up to the root. */
export interface BundledLeaf {
  readonly index: string;
  readonly leaf: string;
  /** RFC 6962 section 2.1.1 audit path, lowest node first. */
  readonly proof: readonly string[];
}

export type BundleParse =
  | { readonly ok: true; readonly bundle: EvidenceBundle }
  | { readonly ok: false; readonly problem: string };

/**
 * Reads a bundle from outside. It checks form and bounds and decides nothing: a parsed bundle may still be
 * a forgery, which `verifyBundle` finds.
 */
export function parseBundle(input: unknown): BundleParse {
  try {
    return { ok: true, bundle: readBundle(input) };
  } catch (error) {
    if (error instanceof Malformed) return { ok: false, problem: error.message };
    throw error;
  }
}

/** Leaves `parseBundle` only as a result. */
class Malformed extends Error {}

function readBundle(input: unknown): EvidenceBundle {
  const members = readObject(input, 'the bundle', {
    required: ['format', 'transaction', 'log', 'checkpoint', 'manifest', 'records'],
    optional: ['consistency'],
  });
  if (members.format !== bundleFormat) throw new Malformed(`format is not ${bundleFormat}`);
  const transaction = parseId('transaction', members.transaction);
  if (transaction === undefined) throw new Malformed('transaction is not a transaction id');
  const log = readObject(members.log, 'log', { required: ['origin', 'verifierKey'] });
  const bundle = {
    format: bundleFormat,
    transaction,
    log: {
      origin: readText(log.origin, 'log.origin', bundleLimits.verifierKeyLength),
      verifierKey: readText(log.verifierKey, 'log.verifierKey', bundleLimits.verifierKeyLength),
    },
    checkpoint: readText(members.checkpoint, 'checkpoint', bundleLimits.noteLength),
    manifest: readManifest(members.manifest),
    records: readLeaves(members.records),
  } as const;
  if (members.consistency === undefined) return bundle;
  const consistency = readObject(members.consistency, 'consistency', { required: ['checkpoint', 'proof'] });
  return {
    ...bundle,
    consistency: {
      checkpoint: readText(consistency.checkpoint, 'consistency.checkpoint', bundleLimits.noteLength),
      proof: readProof(consistency.proof, 'consistency.proof'),
    },
  };
}

function readManifest(value: unknown): readonly RecordId[] {
  const items = readArray(value, 'manifest', bundleLimits.manifests);
  if (items.length === 0) throw new Malformed('manifest is empty');
  return items.map((item, position) => {
    const id = parseId('record', item);
    if (id === undefined) throw new Malformed(`manifest[${position}] is not a record id`);
    return id;
  });
}

function readLeaves(value: unknown): readonly BundledLeaf[] {
  const items = readArray(value, 'records', bundleLimits.records + bundleLimits.manifests);
  let previous = -1n;
  return items.map((item, position) => {
    const where = `records[${position}]`;
    const members = readObject(item, where, { required: ['index', 'leaf', 'proof'] });
    const index = readIndex(members.index, `${where}.index`);
    // One index, one record: a strictly rising order leaves no room for the same record twice.
    if (BigInt(index) <= previous) throw new Malformed(`${where}.index does not follow the one before it`);
    previous = BigInt(index);
    return {
      index,
      leaf: readLeaf(members.leaf, `${where}.leaf`),
      proof: readProof(members.proof, `${where}.proof`),
    };
  });
}

function readLeaf(value: unknown, where: string): string {
  const text = readText(value, where, Math.ceil((bundleLimits.leafBytes * 4) / 3));
  if (decodeBase64Url(text) === undefined) throw new Malformed(`${where} is not base64url`);
  return text;
}

function readProof(value: unknown, where: string): readonly string[] {
  return readArray(value, where, bundleLimits.proofHashes).map((item, position) => {
    const hash = typeof item === 'string' && item.length === 43 ? decodeBase64Url(item) : undefined;
    if (typeof item !== 'string' || hash?.length !== 32)
      throw new Malformed(`${where}[${position}] is not a SHA-256 hash`);
    return item;
  });
}

const indexPattern = /^(?:0|[1-9]\d{0,18})$/;

function readIndex(value: unknown, where: string): string {
  if (typeof value !== 'string' || !indexPattern.test(value)) throw new Malformed(`${where} is not a decimal number`);
  return value;
}

function readText(value: unknown, where: string, maxLength: number): string {
  if (typeof value !== 'string' || value === '') throw new Malformed(`${where} is not text`);
  if (value.length > maxLength) throw new Malformed(`${where} is longer than ${maxLength} characters`);
  return value;
}

function readArray(value: unknown, where: string, maxItems: number): readonly unknown[] {
  if (!Array.isArray(value)) throw new Malformed(`${where} is not an array`);
  if (value.length > maxItems) throw new Malformed(`${where} holds more than ${maxItems} items`);
  return value;
}

function readObject(
  value: unknown,
  where: string,
  members: { readonly required: readonly string[]; readonly optional?: readonly string[] },
): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Malformed(`${where} is not an object`);
  const allowed = new Set([...members.required, ...(members.optional ?? [])]);
  const unknown = Object.keys(value).find((key) => !allowed.has(key));
  if (unknown !== undefined) throw new Malformed(`${where} holds a member this format does not have`);
  const absent = members.required.find((key) => !Object.hasOwn(value, key));
  if (absent !== undefined) throw new Malformed(`${where} lacks ${absent}`);
  return { ...value };
}
