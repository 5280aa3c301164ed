import { unreachable } from '@countersign/kernel';
import { merkleLogErrors } from './errors.ts';
import { formatNote, isNoteText, type Note, type NoteSignature } from './signed-note.ts';
import { type VerifierKey, verifiesEd25519 } from './verifier-key.ts';

/** Ed25519, 64 bytes. The key may be in an HSM. */
export type Sign = (data: Uint8Array) => Promise<Uint8Array>;

const timestampSize = 8;
const maxTimestamp = 2n ** 63n - 1n;

/**
 * @throws CodedError `not_signable` for an unusable text or key type; `signer_failed` if the signature does not verify
 */
export async function signNote(request: {
  readonly text: string;
  readonly key: VerifierKey;
  readonly sign: Sign;
}): Promise<string> {
  const { text, key, sign } = request;
  if (!isNoteText(text) || key.type !== 'ed25519')
    throw merkleLogErrors.error('not_signable', 'A note needs a text that ends in a newline and a key of type 0x01.');
  const message = Buffer.from(text);
  const signature = await checkedSignature({ key, message, sign });
  return formatNote({ text, signatures: [{ name: key.name, keyId: key.keyId, signature }] });
}

/**
 * Cosigns the text of a checkpoint (tlog-cosignature, Ed25519). The caller has checked consistency. @param
 * request.timestamp POSIX seconds @throws CodedError as {@link signNote}
 */
export async function cosign(request: {
  readonly text: string;
  readonly timestamp: bigint;
  readonly key: VerifierKey;
  readonly sign: Sign;
}): Promise<NoteSignature> {
  const { text, timestamp, key, sign } = request;
  if (!isNoteText(text) || key.type !== 'ed25519-cosignature' || timestamp < 0n || timestamp > maxTimestamp)
    throw merkleLogErrors.error(
      'not_signable',
      'A cosignature needs a checkpoint, a time in seconds and a key of type 0x04.',
    );
  const signature = await checkedSignature({ key, message: cosignedMessage(text, timestamp), sign });
  const time = Buffer.alloc(timestampSize);
  time.writeBigUInt64BE(timestamp);
  return { name: key.name, keyId: key.keyId, signature: Buffer.concat([time, signature]) };
}

async function checkedSignature(request: {
  readonly key: VerifierKey;
  readonly message: Uint8Array;
  readonly sign: Sign;
}): Promise<Uint8Array> {
  const signature = await request.sign(request.message);
  if (!verifiesEd25519(request.key, request.message, signature))
    throw merkleLogErrors.error('signer_failed', 'The signer answered with a signature that its key does not verify.');
  return signature;
}

/** The header line distinguishes cosignatures from signatures on notes by the same key. */
function cosignedMessage(text: string, timestamp: bigint): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${timestamp}\n${text}`);
}

export interface VerifiedSignature {
  readonly key: VerifierKey;
  /** POSIX seconds of a cosignature; undefined for a plain signature. */
  readonly timestamp: bigint | undefined;
}

export type NoteVerdict =
  | { readonly ok: true; readonly signatures: readonly VerifiedSignature[] }
  | { readonly ok: false; readonly reason: 'no_known_key' | 'bad_signature' };

/**
 * Verifies a note with trusted keys (signed-note, "Signatures"). Unknown keys are ignored; a bad signature by a known
 * key refuses the note. At least one signature must verify, and a key counts once. The caller decides whether the keys
 * suffice and how old a timestamp may be.
 */
export function verifyNote(claim: { readonly note: Note; readonly keys: readonly VerifierKey[] }): NoteVerdict {
  const { note, keys } = claim;
  const text = Buffer.from(note.text);
  const verified = new Map<string, VerifiedSignature>();
  for (const line of note.signatures) {
    for (const key of keys) {
      if (key.name !== line.name || key.keyId !== line.keyId) continue;
      const signature = verifySignature({ text, line, key });
      if (signature === undefined) return { ok: false, reason: 'bad_signature' };
      verified.set(`${key.name}+${key.keyId}`, signature);
    }
  }
  if (verified.size === 0) return { ok: false, reason: 'no_known_key' };
  return { ok: true, signatures: [...verified.values()] };
}

function verifySignature(claim: {
  readonly text: Buffer;
  readonly line: NoteSignature;
  readonly key: VerifierKey;
}): VerifiedSignature | undefined {
  const { text, line, key } = claim;
  switch (key.type) {
    case 'ed25519':
      return verifiesEd25519(key, text, line.signature) ? { key, timestamp: undefined } : undefined;
    case 'ed25519-cosignature': {
      if (line.signature.length <= timestampSize) return undefined;
      const timestamp = Buffer.from(line.signature).readBigUInt64BE(0);
      if (timestamp > maxTimestamp) return undefined;
      const message = cosignedMessage(text.toString(), timestamp);
      return verifiesEd25519(key, message, line.signature.subarray(timestampSize)) ? { key, timestamp } : undefined;
    }
    default:
      return unreachable(key.type);
  }
}
