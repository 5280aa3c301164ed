import { decodeBase64Url, parseId, type RecordId, type TransactionId } from '@countersign/kernel';
import { type KeyHandover, maxHandovers } from './key-handover.ts';
import { placePattern } from './members.ts';

export const bundleFormat = 'countersign-evidence-bundle/2';
/** Of a log that has had several keys: it also holds {@link EvidenceBundle.handovers}, which earlier verifiers refuse. */
export const bundleFormatWithHandovers = 'countersign-evidence-bundle/3';
/** Bundles outlive the programs that made them. The first format lacks {@link laterMembers}. */
export const bundleFormats = ['countersign-evidence-bundle/1', bundleFormat, bundleFormatWithHandovers] as const;
export type BundleFormat = (typeof bundleFormats)[number];

/** Part of the format. `manifestEntries` keeps a manifest under 65,535 bytes (C2SP tlog-tiles). */
export const bundleLimits = {
  records: 10_000,
  manifests: 16,
  manifestEntries: 650,
  leafBytes: 65_535,
  proofHashes: 65,
  noteLength: 16_384,
  verifierKeyLength: 512,
  disclosures: 65_536,
  /** Of the canonical JSON text of one restricted value. */
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
 * The evidence of one transaction, for offline verification. Hashes and leaves are base64url without padding; 64-bit
 * sizes and indexes are decimal text. Unknown members are rejected, so that a bundle cannot carry unverified data.
 */
export interface EvidenceBundle {
  readonly format: BundleFormat;
  readonly transaction: TransactionId;
  /** As the exporter describes it. A reader passes a trusted key to `verifyBundle`. */
  readonly log: {
    readonly origin: string;
    /** C2SP vkey. */
    readonly verifierKey: string;
  };
  /** Signed note (C2SP tlog-checkpoint) over every record below. */
  readonly checkpoint: string;
  /** The `evidence.exported` records that list every other record of the bundle. */
  readonly manifest: readonly RecordId[];
  /** In log order. */
  readonly records: readonly BundledLeaf[];
  /** From a checkpoint that the requester already held. */
  readonly consistency?: {
    readonly checkpoint: string;
    readonly proof: readonly string[];
  };
  /** In log order, then by path. A value missing here is withheld or erased; its record still commits to it. */
  readonly disclosures?: readonly Disclosure[];
  /** Over earlier checkpoints. Each proves that the records below existed at its time. */
  readonly timeStamps?: readonly BundledTimeStamp[];
  /** Of the certificates that records name by thumbprint. */
  readonly certificates?: readonly BundledCertificate[];
  /** Between the keys that the log has had until this bundle; oldest first. */
  readonly handovers?: readonly BundledHandover[];
}

export interface BundledHandover extends KeyHandover {
  /** From the tree of the handover to that of the bundle (RFC 6962 section 2.1.2). */
  readonly consistency: readonly string[];
}

export interface Disclosure {
  readonly record: RecordId;
  /** JSON pointer (RFC 6901), as in the record's `protected`. */
  readonly path: string;
  /** 32 bytes. */
  readonly salt: string;
  /** Canonical JSON text (RFC 8785). The commitment is SHA-256 over salt and text. */
  readonly text: string;
}

export interface BundledTimeStamp {
  /** The stamped note. The message imprint is SHA-256 over these bytes. */
  readonly checkpoint: string;
  /** DER of the ContentInfo (RFC 3161 section 2.4.2). */
  readonly token: string;
  /** From the stamped checkpoint to that of the bundle (RFC 6962 section 2.1.2). */
  readonly proof: readonly string[];
}

export const certificateUses = ['connection', 'signature'] as const;
export type CertificateUse = (typeof certificateUses)[number];

export interface BundledCertificate {
  readonly use: CertificateUse;
  /** DER. The named certificate comes first; each is signed by the next. */
  readonly chain: readonly string[];
  /** DER of a CertificateList (RFC 5280) or an OCSPResponse (RFC 6960). */
  readonly revocation?: { readonly kind: 'crl' | 'ocsp'; readonly der: string };
}

/** One record with its exact bytes and the audit path to the root. */
export interface BundledLeaf {
  readonly index: string;
  /** Absent if pruned. */
  readonly leaf?: string;
  /** RFC 6962, if the bytes are absent. */
  readonly leafHash?: string;
  /** RFC 6962 section 2.1.1, lowest node first. */
  readonly proof: readonly string[];
}

export type BundleParse =
  | { readonly ok: true; readonly bundle: EvidenceBundle }
  | { readonly ok: false; readonly problem: string };

/** Checks form and limits only. `verifyBundle` detects forgery. */
export function parseBundle(input: unknown): BundleParse {
  try {
    return { ok: true, bundle: readBundle(input) };
  } catch (error) {
    if (error instanceof Malformed) return { ok: false, problem: error.message };
    throw error;
  }
}

class Malformed extends Error {}

function readBundle(input: unknown): EvidenceBundle {
  const members = readObject(input, 'the bundle', {
    required: ['format', 'transaction', 'log', 'checkpoint', 'manifest', 'records'],
    optional: ['consistency', ...laterMembers, 'handovers'],
  });
  const format = bundleFormats.find((known) => known === members.format);
  if (format === undefined) throw new Malformed(`format is none of ${bundleFormats.join(', ')}`);
  if ((format === bundleFormatWithHandovers) !== Object.hasOwn(members, 'handovers'))
    throw new Malformed(`handovers are a member of ${bundleFormatWithHandovers}, and of no other format`);
  if (format === firstFormat && laterMembers.some((name) => Object.hasOwn(members, name)))
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
    ...(members.handovers === undefined ? {} : { handovers: readHandovers(members.handovers) }),
  };
}

const [firstFormat] = bundleFormats;
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

function readHandovers(value: unknown): readonly BundledHandover[] {
  const items = readArray(value, 'handovers', maxHandovers);
  if (items.length === 0) throw new Malformed('handovers is empty');
  return items.map((item, position) => {
    const where = `handovers[${position}]`;
    const members = readObject(item, where, { required: ['checkpoint', 'leaf', 'proof', 'consistency'] });
    return {
      checkpoint: readText(members.checkpoint, `${where}.checkpoint`, bundleLimits.noteLength),
      leaf: readBytes(members.leaf, `${where}.leaf`, bundleLimits.leafBytes),
      proof: readProof(members.proof, `${where}.proof`),
      consistency: readProof(members.consistency, `${where}.consistency`),
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
  const optional = format === firstFormat ? ['leaf'] : ['leaf', 'leafHash'];
  let previous = -1n;
  return items.map((item, position) => {
    const where = `records[${position}]`;
    const members = readObject(item, where, { required: ['index', 'proof'], optional });
    const index = readIndex(members.index, `${where}.index`);
    // Strictly rising indexes exclude duplicates.
    if (BigInt(index) <= previous) throw new Malformed(`${where}.index does not follow the one before it`);
    previous = BigInt(index);
    return { index, ...readBody(members, where), proof: readProof(members.proof, `${where}.proof`) };
  });
}

/** Never both. */
function readBody(
  { leaf, leafHash }: Readonly<Record<string, unknown>>,
  where: string,
): Pick<BundledLeaf, 'leaf' | 'leafHash'> {
  if (leafHash === undefined) return { leaf: readBytes(leaf, `${where}.leaf`, bundleLimits.leafBytes) };
  if (leaf !== undefined) throw new Malformed(`${where} holds leaf and leafHash`);
  return { leafHash: readHash(leafHash, `${where}.leafHash`) };
}

/** Strict base64url of at least one byte. */
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
