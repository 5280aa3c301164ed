import { unreachable } from '@countersign/kernel';
import { merkleLogErrors } from './errors.ts';
import { formatNote, isNoteText, type Note, type NoteSignature } from './signed-note.ts';
import { type VerifierKey, verifiesEd25519 } from './verifier-key.ts';

/** Signs bytes with the private half of a verifier key: plain Ed25519, 64 bytes. It may sit in an HSM. */
export type Sign = (data: Uint8Array) => Promise<Uint8Array>;

const timestampSize = 8;
const maxTimestamp = 2n ** 63n - 1n;

/**
 * Signs a text, which becomes a note with one signature.
 *
 * @throws CodedError `not_signable` when the text cannot be a note's, or the key is not of type `ed25519`;
 *   `signer_failed` when what the signer answers does not verify with the key: nothing unverifiable is let out.
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
 * A witness's statement on the text of a checkpoint (tlog-cosignature, Ed25519). The caller has checked that the
 * checkpoint is consistent with all it cosigned before; here is only the signature.
 *
 * @param request.timestamp POSIX seconds
 * @throws CodedError as {@link signNote} does; the key's type is `ed25519-cosignature`.
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

/** The header line sets cosignatures apart from signatures on notes by the same key. */
function cosignedMessage(text: string, timestamp: bigint): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${timestamp}\n${text}`);
}

export interface VerifiedSignature {
  readonly key: VerifierKey;
  /** POSIX seconds the cosigner stated; undefined for a plain signature, which states none. */
  readonly timestamp: bigint | undefined;
}

export type NoteVerdict =
  | { readonly ok: true; readonly signatures: readonly VerifiedSignature[] }
  | { readonly ok: false; readonly reason: 'no_known_key' | 'bad_signature' };

/**
 * Verifies a note with the keys the caller trusts (signed-note, "Signatures"). Signatures by other keys are passed
 * over, even when they share a name or an id with a known one; one that names a known key and does not verify
 * refuses the whole note. At least one verified signature is needed. A key counts once, however often it signed and
 * however often it is in `keys`; of several cosignatures the last one's time is answered.
 *
 * Whether the keys that signed are enough is the caller's policy, and so is a timestamp's age.
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
