import { decodeBase64 } from '@countersign/kernel';
import { type CheckpointVerdict, verifyCheckpoint } from './checkpoint.ts';
import { merkleLogErrors } from './errors.ts';
import { areHashes, isHash } from './hashing.ts';
import { maxNoteSize } from './signed-note.ts';
import { decodeText } from './strict-text.ts';
import { isTreeSize, parseTreeSize } from './tree-size.ts';
import { type InclusionVerdict, verifyInclusion } from './verification.ts';
import type { VerifierKey } from './verifier-key.ts';

/** A proof file: all that is needed, beside the entry and trusted keys, to check offline that the entry is logged. */
export interface TlogProof {
  readonly index: bigint;
  /** From the leaf's sibling to the root's child, 32 bytes each. */
  readonly hashes: readonly Uint8Array[];
  /** The signed checkpoint as the log issued it, byte for byte. Not verified. */
  readonly checkpoint: string;
  /** Opaque and not authenticated: anyone who passed the file on may have changed it. */
  readonly extra?: Uint8Array;
}

const header = 'c2sp.org/tlog-proof@v1';
const maxHashes = 64;
const maxExtraSize = 65_536;
// The checkpoint, 64 hash lines, and the extra line in base64.
const maxFileSize = maxNoteSize + 96 * 1024;

/**
 * The file's text (C2SP tlog-proof, "Format").
 *
 * @throws CodedError `not_signable` when {@link parseTlogProof} would not read it back.
 */
export function formatTlogProof(proof: TlogProof): string {
  const { index, hashes, checkpoint, extra } = proof;
  // An empty hash would be an empty line, which ends the list.
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

/** Reads a proof file from outside, strictly. The checkpoint in it is answered verbatim, for `verifyCheckpoint`. */
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
  // Without extra data there is no line, so an empty one is refused with what is no base64.
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

/**
 * Verifies a proof file: the log signed the checkpoint, and the entry with this leaf hash is in its tree at the
 * index answered (tlog-proof, "Verifying a tlog proof"). Whether the cosignatures are enough is the caller's policy.
 */
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
