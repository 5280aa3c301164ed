import { decodeBase64 } from '@countersign/kernel';
import { merkleLogErrors } from './errors.ts';
import { decodeText, hasControlCharacter } from './strict-text.ts';
import { isKeyName } from './verifier-key.ts';

/** Room for {@link maxNoteSignatures} post-quantum signatures. */
export const maxNoteSize = 1_048_576;
/** The specification requires at least 16. */
export const maxNoteSignatures = 100;
// Base64 characters; a post-quantum signature has up to about 6,700.
const maxEncodedLength = 12_288;
const keyIdSize = 4;

/** Not verified. */
export interface NoteSignature {
  readonly name: string;
  /** uint32. */
  readonly keyId: number;
  /** The bytes after the key id; their meaning depends on the key type. */
  readonly signature: Uint8Array;
}

/** A parsed note (C2SP signed-note). Do not trust its text before `verifyNote` accepts it. */
export interface Note {
  /** Includes the final newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

export type ParsedNote =
  | { readonly ok: true; readonly note: Note }
  | {
      readonly ok: false;
      readonly reason:
        | 'too_large'
        | 'not_utf8'
        | 'control_character'
        | 'no_signatures'
        | 'too_many_signatures'
        | 'malformed_signature';
    };

/** Strict and bounded: a note has one reading, and formatting it again gives the same bytes. */
export function parseNote(input: Uint8Array | string): ParsedNote {
  if (Buffer.byteLength(input) > maxNoteSize) return { ok: false, reason: 'too_large' };
  const content = decodeText(input);
  if (content === undefined) return { ok: false, reason: 'not_utf8' };
  if (hasControlCharacter(content, { newline: true })) return { ok: false, reason: 'control_character' };
  // The text may contain empty lines; the last one separates.
  const separator = content.lastIndexOf('\n\n');
  if (separator < 0 || separator + 2 === content.length) return { ok: false, reason: 'no_signatures' };
  if (!content.endsWith('\n')) return { ok: false, reason: 'malformed_signature' };
  const lines = content.slice(separator + 2, -1).split('\n');
  if (lines.length > maxNoteSignatures) return { ok: false, reason: 'too_many_signatures' };
  const signatures = parseLines(lines);
  if (signatures === undefined) return { ok: false, reason: 'malformed_signature' };
  return { ok: true, note: { text: content.slice(0, separator + 1), signatures } };
}

/** Signature lines without a note, as a witness returns them. @returns undefined if malformed */
export function parseSignatures(input: Uint8Array | string): readonly NoteSignature[] | undefined {
  if (Buffer.byteLength(input) > maxNoteSize) return undefined;
  const content = decodeText(input);
  if (content === undefined || !content.endsWith('\n') || hasControlCharacter(content, { newline: true }))
    return undefined;
  const lines = content.slice(0, -1).split('\n');
  return lines.length > maxNoteSignatures ? undefined : parseLines(lines);
}

function parseLines(lines: readonly string[]): NoteSignature[] | undefined {
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const signature = parseSignatureLine(line);
    if (signature === undefined) return undefined;
    signatures.push(signature);
  }
  return signatures;
}

function parseSignatureLine(line: string): NoteSignature | undefined {
  const [, name, encoded] = /^\u2014 ([^ ]+) ([^ ]+)$/.exec(line) ?? [];
  if (name === undefined || encoded === undefined || !isKeyName(name)) return undefined;
  if (encoded.length > maxEncodedLength) return undefined;
  const bytes = decodeBase64(encoded);
  if (bytes === undefined || bytes.length <= keyIdSize) return undefined;
  return { name, keyId: bytes.readUInt32BE(0), signature: bytes.subarray(keyIdSize) };
}

/** Well-formed, ending in a newline, without other control characters. */
export function isNoteText(text: string): boolean {
  return text.endsWith('\n') && text.isWellFormed() && !hasControlCharacter(text, { newline: true });
}

/** Keeps the order of signatures. @throws CodedError `not_signable` if {@link parseNote} would not read it back */
export function formatNote(note: Note): string {
  if (!isNoteText(note.text))
    throw merkleLogErrors.error('not_signable', 'The text of a note ends in a newline and has no control characters.');
  // A newline in a name would move the border between text and signatures.
  if (!note.signatures.every(({ name }) => isKeyName(name)))
    throw merkleLogErrors.error('not_signable', 'The name of a key is not empty and has no spaces and no plus sign.');
  const content = `${note.text}\n${note.signatures.map(formatSignature).join('')}`;
  if (!parseNote(content).ok)
    throw merkleLogErrors.error('not_signable', 'The signatures of a note are too many, too large or missing.');
  return content;
}

export function formatSignature({ name, keyId, signature }: NoteSignature): string {
  const id = Buffer.alloc(keyIdSize);
  id.writeUInt32BE(keyId);
  return `\u2014 ${name} ${Buffer.concat([id, signature]).toString('base64')}\n`;
}
