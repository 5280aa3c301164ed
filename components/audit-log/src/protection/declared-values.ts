import {
  auditLogErrors,
  overlap,
  type ProtectedValue,
  type ProtectionKind,
  type RecordDraft,
  readPointer,
} from '@countersign/contracts';
import { canonicalize } from '@countersign/kernel';
import { maxEntrySize } from '@countersign/merkle-log';

const maxValues = 32;

export interface DeclaredValue {
  readonly path: string;
  readonly kind: ProtectionKind;
  readonly subject: string;
  /** Canonical JSON text (RFC 8785). */
  readonly text: string;
}

/** By path, with the source address. @throws CodedError `record_too_large`, `not_canonicalizable` */
export function declaredValues(draft: RecordDraft): readonly DeclaredValue[] {
  const { address, protectedValues } = draft;
  const declared = (protectedValues ?? []).map((value) => declaredValue(value, draft));
  if (address !== undefined)
    declared.push({ path: '/address', kind: 'personal', subject: whoseAddress(draft), text: JSON.stringify(address) });
  if (declared.length <= 1) return declared;
  if (declared.length > maxValues) throw new Error(`a draft declares more than ${maxValues} protected values`);
  declared.sort((a, b) => (a.path < b.path ? -1 : 1));
  // Sorted, a nested path follows its parent.
  for (const [place, { path }] of declared.entries()) {
    const next = declared[place + 1];
    if (next !== undefined && overlap(path, next.path)) throw new Error(`a draft protects ${next.path} twice`);
  }
  // A restored record must fit the size limit again.
  if (declared.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0) > maxEntrySize) throw tooLarge();
  return declared;
}

function declaredValue({ path, kind, subject, value, text }: ProtectedValue, draft: RecordDraft): DeclaredValue {
  if (readPointer(path) === undefined || path === '/address' || !hasRoomFor(path, draft))
    throw new Error(`a draft of type ${draft.type} cannot have ${path} protected`);
  if (subject === '') throw new Error(`${path} of a draft of type ${draft.type} has no subject`);
  if ((value === undefined) === (text === undefined))
    throw new Error('a protected value is given as JSON or as text, one of them');
  const written = text ?? canonicalize(value);
  if (text !== undefined && !text.isWellFormed()) canonicalize(text);
  if (written.length * 3 > maxEntrySize && Buffer.byteLength(written) > maxEntrySize) throw tooLarge();
  return { path, kind, subject, text: written };
}

function hasRoomFor(path: string, { data }: RecordDraft): boolean {
  let at: unknown = data;
  const names = path.split('/').slice(2);
  for (const [place, name] of names.entries()) {
    if (typeof at !== 'object' || at === null || Array.isArray(at)) return false;
    // An object that has the member.
    const there: unknown = Object.hasOwn(at, name) ? (at as Readonly<Record<string, unknown>>)[name] : undefined;
    if (place === names.length - 1) return there === undefined;
    at = there;
  }
  return false;
}

function whoseAddress({ subject, client }: RecordDraft): string {
  if (subject !== undefined) return subject.id;
  return client === undefined ? 'address:unknown' : `client:${client}`;
}

function tooLarge() {
  return auditLogErrors.error('record_too_large', 'The protected values of a record are at most 65,535 bytes long.');
}
