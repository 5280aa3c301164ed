import { canonicalize, type Json, membersOf, sha256Base64Url } from '@countersign/kernel';

/** A Subject Identifier (RFC 9493) of one format. */
export type SimpleSubject = Readonly<Record<string, Json>> & { readonly format: string };
/** Several of the same principal, by member (Shared Signals Framework 1.0, section 3.3). */
export type ComplexSubject = Readonly<Record<string, Json>> & { readonly format: 'complex' };
export type SubjectIdentifier = SimpleSubject | ComplexSubject;

const maxMembers = 16;
const longestText = 1_024;

/**
 * The members that each format needs: RFC 9493 section 3.2, and section 3.5 of the framework. `aliases` names several
 * subjects, and is not taken: what is added or removed is one.
 */
const formats: Readonly<Record<string, readonly string[]>> = {
  account: ['uri'],
  email: ['email'],
  iss_sub: ['iss', 'sub'],
  opaque: ['id'],
  phone_number: ['phone_number'],
  did: ['url'],
  uri: ['uri'],
  jwt_id: ['iss', 'jti'],
  saml_assertion_id: ['issuer', 'assertion_id'],
  'ip-addresses': ['ip-addresses'],
};

/** A subject as a receiver writes it; undefined when it is none. */
export function readSubject(json: Json | undefined): SubjectIdentifier | undefined {
  const members = membersOf(json);
  if (members === undefined) return undefined;
  return members['format'] === 'complex' ? readComplex(members) : readSimple(members);
}

function readComplex({ format: _format, ...parts }: Readonly<Record<string, Json>>): ComplexSubject | undefined {
  const names = Object.keys(parts);
  if (names.length === 0 || names.length > maxMembers || names.some((name) => !/^[a-z_]{1,32}$/.test(name)))
    return undefined;
  const read: Record<string, Json> = {};
  for (const name of names) {
    const part = membersOf(parts[name]);
    const subject = part === undefined ? undefined : readSimple(part);
    if (subject === undefined) return undefined;
    read[name] = subject;
  }
  return { ...read, format: 'complex' };
}

function readSimple(members: Readonly<Record<string, Json>>): SimpleSubject | undefined {
  const { format, ...rest } = members;
  const needed = typeof format === 'string' && Object.hasOwn(formats, format) ? formats[format] : undefined;
  if (typeof format !== 'string' || needed === undefined) return undefined;
  // RFC 9493 section 3.1: a member that the format does not define makes it none of that format.
  if (Object.keys(rest).length !== needed.length) return undefined;
  return needed.every((name) => Object.hasOwn(rest, name) && isValue(rest[name])) ? { ...rest, format } : undefined;
}

function isValue(value: Json | undefined): boolean {
  if (Array.isArray(value)) return value.length > 0 && value.length <= maxMembers && value.every(isText);
  return isText(value);
}

function isText(value: Json | undefined): boolean {
  return typeof value === 'string' && value.length > 0 && value.length <= longestText && value.isWellFormed();
}

/** Key that identifies a subject uniquely. */
export function digestOfSubject(subject: SubjectIdentifier): string {
  return sha256Base64Url(canonicalize(subject));
}

/**
 * Whether an event about `subject` is one of those that were taken out: everything that one of these names is in the
 * subject. Section 8.1.3.1 lets what is not named match anything; for taking events away that would take more than was
 * asked for (section 9.3), so what the event does not name does not match here.
 *
 * Costs the same however many were taken out, and however long they are: what could have taken the event is worked out
 * from the event, whose subject has few members.
 *
 * @param excluded digests of what was taken out, by {@link digestOfSubject}
 */
export function isExcluded(subject: SubjectIdentifier, excluded: ReadonlySet<string>): boolean {
  if (excluded.size === 0) return false;
  const parts = partsOf(subject);
  return (
    excluded.has(digestOfSubject(subject)) ||
    parts.some(([, part]) => excluded.has(digestOfSubject(part))) ||
    subsetsOf(parts).some((some) => excluded.has(digestOfSubject({ ...Object.fromEntries(some), format: 'complex' })))
  );
}

type Part = readonly [name: string, subject: SimpleSubject];

function partsOf({ format, ...parts }: SubjectIdentifier): readonly Part[] {
  if (format !== 'complex') return [];
  return Object.entries(parts).flatMap(([name, part]): readonly Part[] => {
    const members = membersOf(part);
    const its = members?.['format'];
    return members === undefined || typeof its !== 'string' ? [] : [[name, { ...members, format: its }]];
  });
}

/** All choices of at least one. */
function subsetsOf(parts: readonly Part[]): readonly (readonly Part[])[] {
  let subsets: readonly (readonly Part[])[] = [[]];
  for (const part of parts) subsets = [...subsets, ...subsets.map((some) => [...some, part])];
  return subsets.slice(1);
}
