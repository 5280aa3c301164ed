import type { Commitment, EvidenceRecord } from '@countersign/contracts';
import { parseId, type RecordId } from '@countersign/kernel';
import { numberPlace } from '../record-places.ts';

export interface CommittedValue {
  readonly wanted: number;
  readonly key: string;
  /** Base64url. */
  readonly commitment: string;
}

export interface ProtectedLeaf {
  readonly id: RecordId;
  /** In the order of the requested paths. */
  readonly values: readonly CommittedValue[];
}

/** JSON pointers with their numbers; at most 32. */
export type WantedValues = ReadonlyMap<string, number>;

/** Undefined if it protects none. The usual form is read without parsing JSON, which is faster. */
export function readLeaf(bytes: Buffer, wanted: WantedValues): ProtectedLeaf | undefined {
  // The names and ids have one byte per character.
  const text = bytes.toString('latin1');
  const from = text.endsWith('"}}}') ? text.lastIndexOf(opening) : -1;
  if (from === -1) return text.includes('"protected"') ? readAsJson(bytes, wanted) : undefined;
  const id = usualId(text);
  const values = id === undefined ? undefined : usualValues(text, from + opening.length, wanted);
  if (id === undefined || values === undefined) return readAsJson(bytes, wanted);
  if (values.length > 1) values.sort((one, other) => one.wanted - other.wanted);
  return values.length === 0 ? undefined : { id, values };
}

/** The same by parsing JSON. A malformed commitment, as in an altered row, cannot be opened. */
export function readCommitments(
  bytes: Buffer,
  wanted: WantedValues,
): Required<Pick<EvidenceRecord, 'id' | 'protected'>> | undefined {
  let record: { readonly id?: unknown; readonly protected?: unknown } | null;
  try {
    record = JSON.parse(bytes.toString());
  } catch {
    // `verify` reports it.
    return undefined;
  }
  const id = typeof record?.id === 'string' ? parseId('record', record.id) : undefined;
  const all = record?.protected;
  if (id === undefined || typeof all !== 'object' || all === null) return undefined;
  const commitments: Record<string, Commitment> = {};
  for (const [path, commitment] of Object.entries(all))
    if (wanted.has(path)) commitments[path] = commitmentIn(commitment);
  return { id, protected: commitments };
}

function commitmentIn(said: Partial<Record<keyof Commitment, unknown>> | null): Commitment {
  const { kind, key, commitment, ciphertext } = said ?? {};
  if (typeof key !== 'string' || !isKeyId(key) || typeof commitment !== 'string') return unreadable;
  // The others are not needed to open it.
  return {
    kind: kind === 'strategy' ? kind : 'personal',
    key,
    commitment,
    ciphertext: typeof ciphertext === 'string' ? ciphertext : '',
  };
}

const unreadable: Commitment = { kind: 'personal', key: '', commitment: '', ciphertext: '' };

function readAsJson(bytes: Buffer, wanted: WantedValues): ProtectedLeaf | undefined {
  const read = readCommitments(bytes, wanted);
  if (read === undefined) return undefined;
  const values: CommittedValue[] = [];
  for (const [path, number] of wanted) {
    const said = read.protected[path];
    if (said !== undefined) values.push({ wanted: number, key: said.key, commitment: said.commitment });
  }
  return values.length === 0 ? undefined : { id: read.id, values };
}

const keyPattern = /^key_[A-Za-z0-9_-]{20}$/;

export function isKeyId(text: string): boolean {
  return keyPattern.test(text);
}

const opening = ',"protected":{';
// An entry from the quote that closes its path; each part has a fixed length.
const beforeKind = '":{"kind":"';
const beforeKey = '","key":"';
const beforeCommitment = '","commitment":"';
const beforeCiphertext = '","ciphertext":"';
const behindEntry = '"}';
/** Both kinds have this length. */
const kindLength = 'personal'.length;
const keyAt = beforeKind.length + kindLength + beforeKey.length;
const keyLength = 'key_'.length + 20;
const digestLength = 43;
const commitmentAt = keyAt + keyLength + beforeCommitment.length;
const ciphertextAt = commitmentAt + digestLength + beforeCiphertext.length;
const entryLength = ciphertextAt + digestLength + behindEntry.length;
const idLength = 'rec_'.length + 26;
const beforeNumber = '","number":';

const zero = 0x30;
const nine = 0x39;
const quote = 0x22;
const comma = 0x2c;

/** The id follows the number of the record, and its clock if present. */
function usualId(text: string): RecordId | undefined {
  let place = numberPlace - 1;
  if (!text.startsWith('{"v":2,"time":"') || !text.startsWith(beforeNumber, place - beforeNumber.length))
    return undefined;
  while (text.charCodeAt(place) >= zero && text.charCodeAt(place) <= nine) place++;
  if (text.startsWith(',"clock":"rec_', place)) place += ',"clock":""'.length + idLength;
  if (!text.startsWith(',"id":"', place)) return undefined;
  const from = place + ',"id":"'.length;
  return text.charCodeAt(from + idLength) === quote ? parseId('record', text.slice(from, from + idLength)) : undefined;
}

/** @returns undefined if the member is not in the usual form */
function usualValues(text: string, from: number, wanted: WantedValues): CommittedValue[] | undefined {
  if (text.includes('\\', from)) return undefined;
  const values: CommittedValue[] = [];
  let seen = 0;
  for (let place = from; ; place++) {
    if (text.charCodeAt(place) !== quote) return undefined;
    const end = text.indexOf('"', place + 1);
    if (
      !text.startsWith(beforeKind, end) ||
      !text.startsWith(beforeKey, end + keyAt - beforeKey.length) ||
      !text.startsWith(beforeCommitment, end + commitmentAt - beforeCommitment.length) ||
      !text.startsWith(beforeCiphertext, end + ciphertextAt - beforeCiphertext.length) ||
      !text.startsWith(behindEntry, end + entryLength - behindEntry.length) ||
      // A hidden extra member would mean another commitment to a JSON parser.
      text.indexOf('"', end + beforeKind.length) !== end + beforeKind.length + kindLength ||
      text.indexOf('"', end + keyAt) !== end + keyAt + keyLength ||
      text.indexOf('"', end + commitmentAt) !== end + commitmentAt + digestLength ||
      text.indexOf('"', end + ciphertextAt) !== end + ciphertextAt + digestLength
    )
      return undefined;
    const number = wanted.get(text.slice(place + 1, end));
    if (number !== undefined) {
      // JSON keeps the last of duplicate members.
      if ((seen & (1 << number)) !== 0) return undefined;
      seen |= 1 << number;
      const key = text.slice(end + keyAt, end + keyAt + keyLength);
      if (!isKeyId(key)) return undefined;
      values.push({
        wanted: number,
        key,
        commitment: text.slice(end + commitmentAt, end + commitmentAt + digestLength),
      });
    }
    place = end + entryLength;
    if (text.charCodeAt(place) !== comma) return place + '}}'.length === text.length ? values : undefined;
  }
}
