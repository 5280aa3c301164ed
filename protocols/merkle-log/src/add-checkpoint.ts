import { decodeBase64 } from '@countersign/kernel';
import { merkleLogErrors } from './errors.ts';
import { areHashes, isHash } from './hashing.ts';
import { maxNoteSize } from './signed-note.ts';
import { decodeText } from './strict-text.ts';
import { isTreeSize, parseTreeSize } from './tree-size.ts';

/** A request to cosign a checkpoint (C2SP tlog-witness). */
export interface AddCheckpoint {
  /** Last size cosigned by the witness; 0 if none. */
  readonly oldSize: bigint;
  /** RFC 6962 section 2.1.2, from the old size to the checkpoint's; empty if the old size is 0. */
  readonly proof: readonly Uint8Array[];
  /** The signed note, verbatim. */
  readonly checkpoint: string;
}

/** "The client MUST NOT send more than 63 consistency proof lines." */
const maxProofLines = 63;
const encodedHashLength = 44;

/** @throws CodedError `not_signable` if {@link parseAddCheckpoint} would not read it back */
export function formatAddCheckpoint({ oldSize, proof, checkpoint }: AddCheckpoint): string {
  // An empty line ends the list.
  if (!isTreeSize(oldSize) || !areHashes(proof))
    throw merkleLogErrors.error('not_signable', 'A request to a witness has a uint64 size and hashes of 32 bytes.');
  const lines = [`old ${oldSize}`, ...proof.map((hash) => Buffer.from(hash).toString('base64'))];
  const body = `${lines.join('\n')}\n\n${checkpoint}`;
  if (!parseAddCheckpoint(body).ok)
    throw merkleLogErrors.error('not_signable', 'The parts do not make a well-formed request to a witness.');
  return body;
}

export type ParsedAddCheckpoint =
  | { readonly ok: true; readonly request: AddCheckpoint }
  | { readonly ok: false; readonly reason: 'malformed_request' };

const malformed = { ok: false, reason: 'malformed_request' } as const;

/** Strict. The checkpoint is returned verbatim and not verified. */
export function parseAddCheckpoint(input: Uint8Array | string): ParsedAddCheckpoint {
  if (Buffer.byteLength(input) > maxNoteSize) return malformed;
  const content = decodeText(input);
  const separator = content?.indexOf('\n\n') ?? -1;
  if (content === undefined || separator < 0) return malformed;
  const checkpoint = content.slice(separator + 2);
  const [first = '', ...lines] = content.slice(0, separator).split('\n');
  const [, decimal] = /^old (\d+)$/.exec(first) ?? [];
  const oldSize = decimal === undefined ? undefined : parseTreeSize(decimal);
  if (oldSize === undefined || checkpoint === '' || lines.length > maxProofLines) return malformed;
  const proof: Buffer[] = [];
  for (const line of lines) {
    const hash = line.length === encodedHashLength ? decodeBase64(line) : undefined;
    if (hash === undefined || !isHash(hash)) return malformed;
    proof.push(hash);
  }
  return { ok: true, request: { oldSize, proof, checkpoint } };
}
