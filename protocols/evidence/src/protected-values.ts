import { decodeBase64Url, type Json, membersOf, parseJson, sha256 } from '@countersign/kernel';
import { bundleLimits, type Disclosure } from './bundle.ts';
import { canonicalForm } from './canonical-form.ts';
import { Members, RecordMalformed } from './members.ts';

/** A leaf's commitment to a restricted value. */
export interface Commitment {
  readonly kind: string;
  /** The key that encrypts the value. Destroying the key erases the value. */
  readonly key: string;
  readonly commitment: string;
}

/** A disclosure that does not open a commitment. */
export interface FalseDisclosure {
  readonly path: string;
  readonly code: 'disclosure_mismatch' | 'disclosure_unlisted';
  readonly detail: string;
}

export interface RestoredRecord {
  /** The record with every correctly disclosed value restored. */
  readonly record: Json;
  readonly opened: number;
  /** Commitments without a disclosure, by JSON pointer. */
  readonly withheld: ReadonlyMap<string, Commitment>;
  readonly faults: readonly FalseDisclosure[];
}

/**
 * Restores disclosed values where the leaf commits to them. A value that does not open its commitment is reported and left out,
 * so that checks only read values that the log committed to.
 *
 * @param record as stored in the leaf
 * @throws RecordMalformed if the leaf's list of commitments cannot be read or names places that do not exist
 */
export function restoreValues(record: Json, disclosures: readonly Disclosure[]): RestoredRecord {
  const withheld = new Map(commitmentsOf(record));
  const faults: FalseDisclosure[] = [];
  let restored = record;
  let opened = 0;
  for (const disclosure of disclosures) {
    const { path } = disclosure;
    const commitment = withheld.get(path);
    if (commitment === undefined) {
      faults.push({
        path,
        code: 'disclosure_unlisted',
        detail: `The record commits to no value at ${path}, or it is disclosed a second time.`,
      });
      continue;
    }
    const value = openValue(disclosure, commitment);
    if (value === undefined) {
      faults.push({
        path,
        code: 'disclosure_mismatch',
        detail: `The value disclosed at ${path} is not the one that the record commits to.`,
      });
      continue;
    }
    restored = withValue(restored, placeOf(path), value);
    withheld.delete(path);
    opened++;
  }
  // A value with permitted nesting may exceed the limit inside the record.
  if (opened > 0 && canonicalForm(restored) === undefined)
    throw new RecordMalformed('the record holds a value that has no canonical form');
  return { record: restored, opened, withheld, faults };
}

/** The commitments of a leaf by pointer. They exist since version 2; in earlier records the member has no meaning. */
function commitmentsOf(record: Json): readonly (readonly [string, Commitment])[] {
  const members = Members.of(record, 'the record');
  if (members.value('v') === 1 || !members.has('protected')) return [];
  const commitments = members.object('protected');
  const paths = Object.keys(commitments.all);
  return paths.map((path) => {
    const place = placeOf(path);
    if (paths.some((other) => other.startsWith(`${path}/`)))
      throw new RecordMalformed(`protected holds ${path} and a place within it`);
    const parent = place.slice(0, -1).reduce<Json | undefined>(memberOf, record);
    if (membersOf(parent) === undefined || memberOf(parent, place.at(-1) ?? '') !== undefined)
      throw new RecordMalformed(`protected names ${path}, which is no free place of the record`);
    const commitment = commitments.object(path);
    return [
      path,
      { kind: commitment.text('kind'), key: commitment.text('key'), commitment: commitment.text('commitment') },
    ];
  });
}

/** The value, if text and salt match the commitment and the text is canonical. */
function openValue({ salt, text }: Disclosure, { commitment }: Commitment): Json | undefined {
  const octets = decodeBase64Url(salt);
  if (octets === undefined || !text.isWellFormed()) return undefined;
  if (sha256(Buffer.concat([octets, Buffer.from(text)])).toString('base64url') !== commitment) return undefined;
  const parsed = parseJson(text, { maxLength: bundleLimits.disclosureBytes });
  return parsed.ok && canonicalForm(parsed.value) === text ? parsed.value : undefined;
}

/** The member names of a JSON pointer (RFC 6901 section 4). */
function placeOf(path: string): readonly string[] {
  if (!/^(?:\/(?:[^~/]|~[01])+)+$/.test(path) || path.length > bundleLimits.pointerLength)
    throw new RecordMalformed('protected holds what is no JSON pointer of members');
  return path
    .slice(1)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function memberOf(json: Json | undefined, name: string): Json | undefined {
  const members = membersOf(json);
  return members !== undefined && Object.hasOwn(members, name) ? members[name] : undefined;
}

/** A computed key makes an own member of any name, `__proto__` included. */
function withValue(json: Json, [name, ...rest]: readonly string[], value: Json): Json {
  if (name === undefined) return value;
  return { ...membersOf(json), [name]: withValue(memberOf(json, name) ?? {}, rest, value) };
}
