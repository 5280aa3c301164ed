import { decodeBase64 } from '@countersign/kernel';
import { type CheckpointVerdict, verifyCheckpoint } from './checkpoint.ts';
import { merkleLogErrors } from './errors.ts';
import { areHashes, isHash } from './hashing.ts';
import { maxNoteSize } from './signed-note.ts';
import { decodeText } from './strict-text.ts';
import { isTreeSize, parseTreeSize } from './tree-size.ts';
import { type InclusionVerdict, verifyInclusion } from './verification.ts';
import type { VerifierKey } from './verifier-key.ts';

/** Proves offline, with the entry and trusted keys, that an entry is in the log. */
export interface TlogProof {
  readonly index: bigint;
  /** From the leaf's sibling to the root's child, 32 bytes each. */
  readonly hashes: readonly Uint8Array[];
  /** Signed note, verbatim. Not verified. */
  readonly checkpoint: string;
  /** Opaque and not authenticated. */
  readonly extra?: Uint8Array;
}

const header = 'c2sp.org/tlog-proof@v1';
const maxHashes = 64;
const maxExtraSize = 65_536;
// Checkpoint, 64 hash lines, and the extra line in base64.
const maxFileSize = maxNoteSize + 96 * 1024;

/** C2SP tlog-proof, "Format". @throws CodedError `not_signable` if {@link parseTlogProof} would not read it back */
export function formatTlogProof(proof: TlogProof): string {
  const { index, hashes, checkpoint, extra } = proof;
  // An empty line ends the list.
  if (!isTreeSize(index) || !areHashes(hashes))
    throw merkleLogErrors.error('not_signable', 'A proof file has a uint64 index and hashes of 32 bytes.');
  const lines = [
    header,
    ...(extra === undefined ? [] : [`extra ${Buffer.from(extra).toString('base64')}`]),
    `index ${index}`,
    ...hashes.map((hash) => Buffer.from(hash).toString('base64')),
  ];
  const text = `${lines.join('\n')}\n\n${checkpoint}`;
  if (!parseTlogProof(text).ok)
    throw merkleLogErrors.error('not_signable', 'The parts do not make a well-formed proof file.');
  return text;
}

export type ParsedTlogProof =
  | { readonly ok: true; readonly proof: TlogProof }
  | { readonly ok: false; readonly reason: 'malformed_proof' };

const malformed = { ok: false, reason: 'malformed_proof' } as const;

/** Strict. The checkpoint is returned verbatim, for `verifyCheckpoint`. */
export function parseTlogProof(input: Uint8Array | string): ParsedTlogProof {
  if (Buffer.byteLength(input) > maxFileSize) return malformed;
  const content = decodeText(input);
  const separator = content?.indexOf('\n\n') ?? -1;
  if (content === undefined || separator < 0) return malformed;
  const checkpoint = content.slice(separator + 2);
  if (checkpoint === '') return malformed;

  const lines = content.slice(0, separator).split('\n');
  if (lines.shift() !== header) return malformed;
  const encodedExtra = lines[0]?.startsWith('extra ') ? lines.shift()?.slice('extra '.length) : undefined;
  const extra = encodedExtra === undefined ? undefined : decodeBounded(encodedExtra, maxExtraSize);
  // The format has no empty extra line.
  if (encodedExtra !== undefined && (extra === undefined || extra.length === 0)) return malformed;
  const [, decimal] = /^index (\d+)$/.exec(lines.shift() ?? '') ?? [];
  const index = decimal === undefined ? undefined : parseTreeSize(decimal);
  if (index === undefined || lines.length > maxHashes) return malformed;
  const hashes: Buffer[] = [];
  for (const line of lines) {
    const hash = decodeBounded(line, 32);
    if (!isHash(hash)) return malformed;
    hashes.push(hash);
  }
  return { ok: true, proof: { index, hashes, checkpoint, ...(extra === undefined ? {} : { extra }) } };
}

function decodeBounded(encoded: string, maxSize: number): Buffer | undefined {
  const bytes = encoded.length > Math.ceil(maxSize / 3) * 4 ? undefined : decodeBase64(encoded);
  return bytes !== undefined && bytes.length <= maxSize ? bytes : undefined;
}

type Failed<Verdict> = Verdict extends { ok: false; reason: infer Reason } ? Reason : never;

export type TlogProofVerdict =
  | (Extract<CheckpointVerdict, { ok: true }> & { readonly index: bigint })
  | {
      readonly ok: false;
      readonly reason: 'malformed_proof' | Failed<CheckpointVerdict> | Failed<InclusionVerdict>;
    };

/** tlog-proof, "Verifying a tlog proof". The caller decides whether the cosignatures suffice. */
export function verifyTlogProof(claim: {
  readonly file: Uint8Array | string;
  readonly leafHash: Uint8Array;
  readonly origin: string;
  readonly logKeys: readonly VerifierKey[];
  readonly witnessKeys?: readonly VerifierKey[];
}): TlogProofVerdict {
  const { file, leafHash, ...trust } = claim;
  const parsed = parseTlogProof(file);
  if (!parsed.ok) return parsed;
  const { index, hashes, checkpoint: signedNote } = parsed.proof;
  const checked = verifyCheckpoint({ signedNote, ...trust });
  if (!checked.ok) return checked;
  const { size, root } = checked.checkpoint;
  const included = verifyInclusion({ index, size, leafHash, proof: hashes, root });
  return included.ok ? { ...checked, index } : included;
}
