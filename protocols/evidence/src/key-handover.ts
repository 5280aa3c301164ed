import { decodeBase64Url, membersOf, parseJson } from '@countersign/kernel';
import {
  formatVerifierKey,
  hashLeaf,
  parseCheckpoint,
  parseNote,
  parseVerifierKey,
  type VerifierKey,
  verifyCheckpoint,
  verifyInclusion,
} from '@countersign/merkle-log';

/** The type of the record by which a log names its next key. */
export const keyHandoverType = 'log.key-rotated';

/** How one key of a log succeeds another. It proves itself to a reader who trusts either key. */
export interface KeyHandover {
  /** Signed by both keys. Its last record is the leaf below. */
  readonly checkpoint: string;
  /** The record that names both keys; base64url. */
  readonly leaf: string;
  /** RFC 6962 section 2.1.1, lowest node first; base64url. */
  readonly proof: readonly string[];
}

export interface VerifiedHandover {
  readonly from: VerifierKey;
  readonly to: VerifierKey;
  readonly size: bigint;
  readonly root: Uint8Array;
  readonly checkpoint: string;
}

/** A key and the trees that it may sign. At the size of a handover two keys sign. */
export interface KeyPeriod {
  readonly key: VerifierKey;
  readonly from: bigint;
  readonly until?: bigint;
}

export interface KeySuccession {
  /** Oldest first; at least one. */
  readonly periods: readonly KeyPeriod[];
  readonly handovers: readonly VerifiedHandover[];
}

export type SuccessionVerdict =
  | ({ readonly ok: true } & KeySuccession)
  | { readonly ok: false; readonly reason: string };

/** Longer chains are refused before any signature is verified. */
export const maxHandovers = 32;

/**
 * The keys of a log, from one that the reader trusts. Each handover counts only if both keys signed the tree whose last record names
 * them. A thief of one key therefore cannot name another: the old key alone does not add a record to the log, and the new key
 * alone is not trusted.
 *
 * @param handovers oldest first @returns a reason for people if one handover is wrong or the trusted key is not among the keys
 */
export function readSuccession({
  origin,
  trusted,
  handovers,
}: {
  readonly origin: string;
  readonly trusted: VerifierKey;
  readonly handovers: readonly KeyHandover[];
}): SuccessionVerdict {
  if (handovers.length > maxHandovers) return refused(`There are more than ${maxHandovers} handovers.`);
  if (trusted.name !== origin) return refused(`The trusted key is not of ${origin}.`);
  const verified: VerifiedHandover[] = [];
  for (const [position, handover] of handovers.entries()) {
    const read = readHandover(origin, handover);
    if (typeof read === 'string') return refused(`Handover ${position + 1} ${read}.`);
    const before = verified.at(-1);
    if (before !== undefined && !isSameKey(before.to, read.from))
      return refused(`Handover ${position + 1} does not begin with the key of the one before.`);
    if (before !== undefined && before.size >= read.size)
      return refused(`Handover ${position + 1} is not of a larger tree than the one before.`);
    verified.push(read);
  }
  const keys = [...verified.slice(0, 1).map(({ from }) => from), ...verified.map(({ to }) => to)];
  if (keys.length === 0) return { ok: true, periods: [{ key: trusted, from: 0n }], handovers: [] };
  if (new Set(keys.map(formatVerifierKey)).size !== keys.length) return refused('A key occurs twice among the keys.');
  if (!keys.some((key) => isSameKey(key, trusted))) return refused('The trusted key is none of the keys handed over.');
  const periods = keys.map((key, place): KeyPeriod => {
    const until = verified[place]?.size;
    return { key, from: verified[place - 1]?.size ?? 0n, ...(until === undefined ? {} : { until }) };
  });
  return { ok: true, periods, handovers: verified };
}

/** The keys that may sign a tree of this size. */
export function keysAt({ periods }: Pick<KeySuccession, 'periods'>, size: bigint): readonly VerifierKey[] {
  return periods
    .filter(({ from, until }) => from <= size && (until === undefined || size <= until))
    .map(({ key }) => key);
}

/** The keys that a record of a handover names. @returns undefined for any other record */
export function readHandoverRecord(
  leaf: Uint8Array,
  origin: string,
): { readonly from: VerifierKey; readonly to: VerifierKey } | undefined {
  const parsed = parseJson(Buffer.from(leaf).toString('utf8'));
  const record = parsed.ok ? membersOf(parsed.value) : undefined;
  const data = membersOf(record?.['data']);
  if (
    record?.['type'] !== keyHandoverType ||
    record['source'] !== 'audit-log' ||
    record['outcome'] !== 'done' ||
    data?.['origin'] !== origin
  )
    return undefined;
  const from = keyOf(data['from'], origin);
  const to = keyOf(data['to'], origin);
  return from === undefined || to === undefined || isSameKey(from, to) ? undefined : { from, to };
}

export function isSameKey(one: VerifierKey, other: VerifierKey): boolean {
  return formatVerifierKey(one) === formatVerifierKey(other);
}

function readHandover(origin: string, { checkpoint, leaf, proof }: KeyHandover): VerifiedHandover | string {
  const bytes = decodeBase64Url(leaf);
  const named = bytes === undefined ? undefined : readHandoverRecord(bytes, origin);
  if (bytes === undefined || named === undefined) return `is not a record of ${origin} that names two keys`;
  const note = parseNote(checkpoint);
  const said = note.ok ? parseCheckpoint(note.note.text) : undefined;
  if (said?.ok !== true) return 'has no readable checkpoint';
  const { size, root } = said.checkpoint;
  const hashes = proof.map((hash) => decodeBase64Url(hash) ?? Buffer.alloc(0));
  const included = verifyInclusion({ index: size - 1n, size, leafHash: hashLeaf(bytes), proof: hashes, root });
  if (size === 0n || !included.ok) return 'is not the last record of its checkpoint';
  // One after the other: a note that only one of them signed must not count.
  for (const [key, which] of [
    [named.from, 'old'],
    [named.to, 'new'],
  ] as const)
    if (!verifyCheckpoint({ signedNote: checkpoint, origin, logKeys: [key] }).ok)
      return `is not signed by the ${which} key`;
  return { ...named, size, root, checkpoint };
}

function keyOf(text: unknown, origin: string): VerifierKey | undefined {
  const parsed = typeof text === 'string' ? parseVerifierKey(text) : undefined;
  return parsed?.ok === true && parsed.key.type === 'ed25519' && parsed.key.name === origin ? parsed.key : undefined;
}

function refused(reason: string): SuccessionVerdict {
  return { ok: false, reason };
}
