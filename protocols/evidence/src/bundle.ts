import { decodeBase64Url, parseId, type RecordId, type TransactionId } from '@countersign/kernel';
import { placePattern } from './place.ts';

/** The format of new bundles. */
export const bundleFormat = 'countersign-evidence-bundle/2';
/**
 * The formats that readers accept, because bundles outlive the programs that made them. The first format lacks {@link
 * laterMembers}.
 */
export const bundleFormats = ['countersign-evidence-bundle/1', bundleFormat] as const;
export type BundleFormat = (typeof bundleFormats)[number];

/**
 * Size limits of a bundle. They are part of the format, so a reader can enforce them before parsing. `manifestEntries` keeps
 * one manifest record under the 65,535 bytes of a log entry (C2SP tlog-tiles).
 */
export const bundleLimits = {
  records: 10_000,
  manifests: 16,
  manifestEntries: 650,
  leafBytes: 65_535,
  proofHashes: 65,
  noteLength: 16_384,
  verifierKeyLength: 512,
  /** Limit for the whole bundle. */
  disclosures: 65_536,
  /** Limit for the canonical JSON text of one restricted value. */
  disclosureBytes: 65_535,
  pointerLength: 256,
  timeStamps: 64,
  tokenBytes: 65_536,
  certificates: 64,
  certificateBytes: 16_384,
  chainLength: 8,
  revocationBytes: 262_144,
} as const;

/**
 * Everything the log holds about one transaction, in one JSON document that can be verified offline.
 * Hashes and leaves are base64url without padding. Sizes and indexes are decimal text, because they are 64-bit numbers and JSON
 * numbers are not. Unknown members are rejected, so that a bundle cannot carry unverified data.
 */
export interface EvidenceBundle {
  readonly format: BundleFormat;
  readonly transaction: TransactionId;
  /** The log as the exporter describes it. A reader with a trusted key passes that key to `verifyBundle`. */
  readonly log: {
    readonly origin: string;
    /** C2SP vkey: `<name>+<key id>+<base64 key>`. */
    readonly verifierKey: string;
  };
  /** Signed note (C2SP tlog-checkpoint) of a tree that covers every record below. */
  readonly checkpoint: string;
  /** The `evidence.exported` records of this export. Together they list every other record of the bundle. */
  readonly manifest: readonly RecordId[];
  /** In the order of the log. */
  readonly records: readonly BundledLeaf[];
  /** Consistency proof from a checkpoint that the requester already held. */
  readonly consistency?: {
    readonly checkpoint: string;
    readonly proof: readonly string[];
  };
  /**
   * Restricted values disclosed to this reader, in the order of the log and then of their paths. Each record commits to its
   * restricted values; a value missing here is withheld or erased, and the record still shows that it exists.
   */
  readonly disclosures?: readonly Disclosure[];
  /**
   * Time stamps over earlier checkpoints of this log. Each proves that the records below its checkpoint existed at the stated
   * time.
   */
  readonly timeStamps?: readonly BundledTimeStamp[];
  /** Chains of the certificates that records name by thumbprint. */
  readonly certificates?: readonly BundledCertificate[];
}

/** A restricted value with the salt that opens the record's commitment. */
export interface Disclosure {
  readonly record: RecordId;
  /** JSON pointer (RFC 6901) of object members, as listed in the record's `protected`. */
  readonly path: string;
  /** 32 bytes. */
  readonly salt: string;
  /** Canonical JSON text (RFC 8785) of the value. The commitment is SHA-256 over the salt and the UTF-8 bytes of this text. */
  readonly text: string;
}

export interface BundledTimeStamp {
  /** The exact stamped note. The message imprint of the token is SHA-256 over these bytes. */
  readonly checkpoint: string;
  /** DER of the ContentInfo (RFC 3161 section 2.4.2). */
  readonly token: string;
  /** Consistency proof from the stamped checkpoint to that of the bundle (RFC 6962 section 2.1.2). */
  readonly proof: readonly string[];
}

/** The use for which a certificate was presented. */
export const certificateUses = ['connection', 'signature'] as const;
export type CertificateUse = (typeof certificateUses)[number];

export interface BundledCertificate {
  readonly use: CertificateUse;
  /** DER. The named certificate comes first; each is signed by the next. */
  readonly chain: readonly string[];
  /** The issuer's revocation information at the time: DER of a CertificateList (RFC 5280) or an OCSPResponse (RFC 6960). */
  readonly revocation?: { readonly kind: 'crl' | 'ocsp'; readonly der: string };
}

/** One record: the exact bytes that were hashed into the log, never re-serialised, and the audit path to the root. */
export interface BundledLeaf {
  readonly index: string;
  /** Absent if the log has pruned the bytes. */
  readonly leaf?: string;
  /** RFC 6962 hash of the leaf, if its bytes are absent. */
  readonly leafHash?: string;
  /** RFC 6962 section 2.1.1 audit path, lowest node first. */
  readonly proof: readonly string[];
}

export type BundleParse =
  | { readonly ok: true; readonly bundle: EvidenceBundle }
  | { readonly ok: false; readonly problem: string };

/**
 * Parses an untrusted bundle. It checks only the form and the limits: a parsed bundle may still be forged, which `verifyBundle`
 * detects.
 */
export function parseBundle(input: unknown): BundleParse {
  try {
    return { ok: true, bundle: readBundle(input) };
  } catch (error) {
    if (error instanceof Malformed) return { ok: false, problem: error.message };
    throw error;
  }
}

/** Never leaves `parseBundle` as an exception; it becomes a result. */
class Malformed extends Error {}

function readBundle(input: unknown): EvidenceBundle {
  const members = readObject(input, 'the bundle', {
    required: ['format', 'transaction', 'log', 'checkpoint', 'manifest', 'records'],
    optional: ['consistency', ...laterMembers],
  });
  const format = bundleFormats.find((known) => known === members.format);
  if (format === undefined) throw new Malformed(`format is none of ${bundleFormats.join(', ')}`);
  if (format !== bundleFormat && laterMembers.some((name) => Object.hasOwn(members, name)))
    throw new Malformed('the bundle holds a member this format does not have');
  const transaction = parseId('transaction', members.transaction);
  if (transaction === undefined) throw new Malformed('transaction is not a transaction id');
  const log = readObject(members.log, 'log', { required: ['origin', 'verifierKey'] });
  const bundle = {
    format,
    transaction,
    log: {
      origin: readText(log.origin, 'log.origin', bundleLimits.verifierKeyLength),
      verifierKey: readText(log.verifierKey, 'log.verifierKey', bundleLimits.verifierKeyLength),
    },
    checkpoint: readText(members.checkpoint, 'checkpoint', bundleLimits.noteLength),
    manifest: readManifest(members.manifest),
    records: readLeaves(members.records, format),
  } as const;
  return {
    ...bundle,
    ...(members.consistency === undefined ? {} : { consistency: readConsistency(members.consistency) }),
    ...(members.disclosures === undefined ? {} : { disclosures: readDisclosures(members.disclosures) }),
    ...(members.timeStamps === undefined ? {} : { timeStamps: readTimeStamps(members.timeStamps) }),
    ...(members.certificates === undefined ? {} : { certificates: readCertificates(members.certificates) }),
  };
}

/** Members that the first format lacks. */
const laterMembers = ['disclosures', 'timeStamps', 'certificates'] as const;

function readConsistency(value: unknown): NonNullable<EvidenceBundle['consistency']> {
  const consistency = readObject(value, 'consistency', { required: ['checkpoint', 'proof'] });
  return {
    checkpoint: readText(consistency.checkpoint, 'consistency.checkpoint', bundleLimits.noteLength),
    proof: readProof(consistency.proof, 'consistency.proof'),
  };
}

function readDisclosures(value: unknown): readonly Disclosure[] {
  return readArray(value, 'disclosures', bundleLimits.disclosures).map((item, position) => {
    const where = `disclosures[${position}]`;
    const members = readObject(item, where, { required: ['record', 'path', 'salt', 'text'] });
    const record = parseId('record', members.record);
    if (record === undefined) throw new Malformed(`${where}.record is not a record id`);
    return {
      record,
      path: readText(members.path, `${where}.path`, bundleLimits.pointerLength),
      salt: readHash(members.salt, `${where}.salt`),
      text: readText(members.text, `${where}.text`, bundleLimits.disclosureBytes),
    };
  });
}

function readTimeStamps(value: unknown): readonly BundledTimeStamp[] {
  return readArray(value, 'timeStamps', bundleLimits.timeStamps).map((item, position) => {
    const where = `timeStamps[${position}]`;
    const members = readObject(item, where, { required: ['checkpoint', 'token', 'proof'] });
    return {
      checkpoint: readText(members.checkpoint, `${where}.checkpoint`, bundleLimits.noteLength),
      token: readBytes(members.token, `${where}.token`, bundleLimits.tokenBytes),
      proof: readProof(members.proof, `${where}.proof`),
    };
  });
}

function readCertificates(value: unknown): readonly BundledCertificate[] {
  return readArray(value, 'certificates', bundleLimits.certificates).map((item, position) => {
    const where = `certificates[${position}]`;
    const members = readObject(item, where, { required: ['use', 'chain'], optional: ['revocation'] });
    const use = certificateUses.find((known) => known === members.use);
    if (use === undefined) throw new Malformed(`${where}.use is none of ${certificateUses.join(', ')}`);
    const chain = readArray(members.chain, `${where}.chain`, bundleLimits.chainLength).map((der, link) =>
      readBytes(der, `${where}.chain[${link}]`, bundleLimits.certificateBytes),
    );
    if (chain.length === 0) throw new Malformed(`${where}.chain is empty`);
    return {
      use,
      chain,
      ...(members.revocation === undefined ? {} : { revocation: readRevocation(members.revocation, where) }),
    };
  });
}

function readRevocation(value: unknown, where: string): NonNullable<BundledCertificate['revocation']> {
  const members = readObject(value, `${where}.revocation`, { required: ['kind', 'der'] });
  if (members.kind !== 'crl' && members.kind !== 'ocsp')
    throw new Malformed(`${where}.revocation.kind is none of crl, ocsp`);
  return { kind: members.kind, der: readBytes(members.der, `${where}.revocation.der`, bundleLimits.revocationBytes) };
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

function readLeaves(value: unknown, format: BundleFormat): readonly BundledLeaf[] {
  const items = readArray(value, 'records', bundleLimits.records + bundleLimits.manifests);
  const optional = format === bundleFormat ? ['leaf', 'leafHash'] : ['leaf'];
  let previous = -1n;
  return items.map((item, position) => {
    const where = `records[${position}]`;
    const members = readObject(item, where, { required: ['index', 'proof'], optional });
    const index = readIndex(members.index, `${where}.index`);
    // Strictly rising indexes exclude duplicate records.
    if (BigInt(index) <= previous) throw new Malformed(`${where}.index does not follow the one before it`);
    previous = BigInt(index);
    return { index, ...readBody(members, where), proof: readProof(members.proof, `${where}.proof`) };
  });
}

/** Either the bytes of a record or, if the log has pruned them, their hash; never both. */
function readBody(
  { leaf, leafHash }: Readonly<Record<string, unknown>>,
  where: string,
): Pick<BundledLeaf, 'leaf' | 'leafHash'> {
  if (leafHash === undefined) return { leaf: readBytes(leaf, `${where}.leaf`, bundleLimits.leafBytes) };
  if (leaf !== undefined) throw new Malformed(`${where} holds leaf and leafHash`);
  return { leafHash: readHash(leafHash, `${where}.leafHash`) };
}

/** Strict base64url of at least one and at most `maxBytes` bytes. */
function readBytes(value: unknown, where: string, maxBytes: number): string {
  const text = readText(value, where, Math.ceil((maxBytes * 4) / 3));
  if (decodeBase64Url(text) === undefined) throw new Malformed(`${where} is not base64url`);
  return text;
}

function readProof(value: unknown, where: string): readonly string[] {
  return readArray(value, where, bundleLimits.proofHashes).map((item, position) =>
    readHash(item, `${where}[${position}]`),
  );
}

function readHash(value: unknown, where: string): string {
  const hash = typeof value === 'string' && value.length === 43 ? decodeBase64Url(value) : undefined;
  if (typeof value !== 'string' || hash?.length !== 32) throw new Malformed(`${where} is not 32 bytes in base64url`);
  return value;
}

function readIndex(value: unknown, where: string): string {
  if (typeof value !== 'string' || !placePattern.test(value)) throw new Malformed(`${where} is not a decimal number`);
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
