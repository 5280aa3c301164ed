import { decodeBase64 } from '@countersign/kernel';
import { merkleLogErrors } from './errors.ts';
import { isHash } from './hashing.ts';
import { type Sign, signNote, type VerifiedSignature, verifyNote } from './note-signatures.ts';
import { isNoteText, type Note, type ParsedNote, parseNote } from './signed-note.ts';
import { isTreeSize, parseTreeSize } from './tree-size.ts';
import type { VerifierKey } from './verifier-key.ts';

/** C2SP tlog-checkpoint. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: bigint;
  /** 32 bytes. */
  readonly root: Uint8Array;
  /** Opaque lines, signed with the rest; not recommended, because monitors cannot audit them. */
  readonly extensions?: readonly string[];
}

/** `origin\nsize\nbase64(root)\n` and extension lines. @throws CodedError `not_signable` if it would not parse back */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  const { origin, size, root, extensions = [] } = checkpoint;
  const lines = [origin, size.toString(), Buffer.from(root).toString('base64'), ...extensions];
  if (!isTreeSize(size) || !isHash(root) || lines.some((line) => line === '' || line.includes('\n')))
    throw merkleLogErrors.error(
      'not_signable',
      'A checkpoint has an origin, a uint64 size, a 32-byte root and no empty line.',
    );
  const text = `${lines.join('\n')}\n`;
  if (!isNoteText(text)) throw merkleLogErrors.error('not_signable', 'A checkpoint has no control characters.');
  return text;
}

export type ParsedCheckpoint =
  | { readonly ok: true; readonly checkpoint: Required<Checkpoint> }
  | { readonly ok: false; readonly reason: 'malformed_checkpoint' };

const encodedRootLength = 44;

/** Extension lines are kept but not interpreted. */
export function parseCheckpoint(text: string): ParsedCheckpoint {
  if (!isNoteText(text)) return { ok: false, reason: 'malformed_checkpoint' };
  const [origin, decimal, encoded, ...extensions] = text.slice(0, -1).split('\n');
  const size = decimal === undefined ? undefined : parseTreeSize(decimal);
  const root = encoded?.length === encodedRootLength ? decodeBase64(encoded) : undefined;
  if (origin === undefined || origin === '' || size === undefined || !isHash(root) || extensions.includes(''))
    return { ok: false, reason: 'malformed_checkpoint' };
  return { ok: true, checkpoint: { origin, size, root, extensions } };
}

/**
 * The sequencer ensures that a log never signs two inconsistent checkpoints. @param key named by the origin @returns
 * the signed note @throws CodedError as {@link formatCheckpoint} and `signNote`
 */
export async function signCheckpoint(request: {
  readonly checkpoint: Checkpoint;
  readonly key: VerifierKey;
  readonly sign: Sign;
}): Promise<string> {
  return signNote({ text: formatCheckpoint(request.checkpoint), key: request.key, sign: request.sign });
}

type FailedNote = Extract<ParsedNote, { ok: false }>['reason'];

export type CheckpointVerdict =
  | {
      readonly ok: true;
      readonly checkpoint: Required<Checkpoint>;
      readonly note: Note;
      /** At most one per witness key. The caller decides how many suffice. */
      readonly cosignatures: readonly VerifiedSignature[];
    }
  | {
      readonly ok: false;
      readonly reason: FailedNote | 'malformed_checkpoint' | 'other_origin' | 'no_log_signature' | 'bad_signature';
    };

/** Checks origin, log signature and given witnesses, whose cosignatures never replace the log's signature. */
export function verifyCheckpoint(claim: {
  readonly signedNote: Uint8Array | string;
  readonly origin: string;
  readonly logKeys: readonly VerifierKey[];
  readonly witnessKeys?: readonly VerifierKey[];
}): CheckpointVerdict {
  const { origin, logKeys, witnessKeys = [] } = claim;
  const parsedNote = parseNote(claim.signedNote);
  if (!parsedNote.ok) return parsedNote;
  const { note } = parsedNote;
  const byLog = verifyNote({ note, keys: logKeys.filter(({ type }) => type === 'ed25519') });
  if (!byLog.ok) return { ok: false, reason: byLog.reason === 'no_known_key' ? 'no_log_signature' : byLog.reason };
  const byWitnesses = verifyNote({ note, keys: witnessKeys });
  // Cosignatures may be missing, but a false one is refused.
  if (!byWitnesses.ok && byWitnesses.reason === 'bad_signature') return { ok: false, reason: 'bad_signature' };
  const parsed = parseCheckpoint(note.text);
  if (!parsed.ok) return parsed;
  if (parsed.checkpoint.origin !== origin) return { ok: false, reason: 'other_origin' };
  return { ok: true, checkpoint: parsed.checkpoint, note, cosignatures: byWitnesses.ok ? byWitnesses.signatures : [] };
}
