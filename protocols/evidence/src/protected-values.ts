import { decodeBase64Url, type Json, membersOf, parseJson, sha256 } from '@countersign/kernel';
import { bundleLimits, type Disclosure } from './bundle.ts';
import { canonicalForm, Members, RecordMalformed } from './members.ts';

export interface Commitment {
  readonly kind: string;
  /** Destroying the key erases the value. */
  readonly key: string;
  readonly commitment: string;
}

export interface FalseDisclosure {
  readonly path: string;
  readonly code: 'disclosure_mismatch' | 'disclosure_unlisted';
  readonly detail: string;
}

export interface RestoredRecord {
  readonly record: Json;
  readonly opened: number;
  /** By JSON pointer. */
  readonly withheld: ReadonlyMap<string, Commitment>;
  readonly faults: readonly FalseDisclosure[];
}

/** False disclosures are reported and left out. @throws RecordMalformed if the commitments are unreadable */
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
  // Restoring values may exceed the nesting limit.
  if (opened > 0 && canonicalForm(restored) === undefined)
    throw new RecordMalformed('the record holds a value that has no canonical form');
  return { record: restored, opened, withheld, faults };
}

/** Since version 2; earlier the member has no meaning. */
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

/** The text must be canonical. */
function openValue({ salt, text }: Disclosure, { commitment }: Commitment): Json | undefined {
  const octets = decodeBase64Url(salt);
  if (octets === undefined || !text.isWellFormed()) return undefined;
  if (sha256(Buffer.concat([octets, Buffer.from(text)])).toString('base64url') !== commitment) return undefined;
  const parsed = parseJson(text, { maxLength: bundleLimits.disclosureBytes });
  return parsed.ok && canonicalForm(parsed.value) === text ? parsed.value : undefined;
}

/** RFC 6901 section 4. */
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

/** A computed key is an own member even for `__proto__`. */
function withValue(json: Json, [name, ...rest]: readonly string[], value: Json): Json {
  if (name === undefined) return value;
  return { ...membersOf(json), [name]: withValue(memberOf(json, name) ?? {}, rest, value) };
}
