import { canonicalize, type Json, membersOf, sha256Base64Url } from '@countersign/kernel';

export type SimpleSubject = Readonly<Record<string, Json>> & { readonly format: string };
/** Several subjects of one principal (Shared Signals Framework 1.0, section 3.3). */
export type ComplexSubject = Readonly<Record<string, Json>> & { readonly format: 'complex' };
export type SubjectIdentifier = SimpleSubject | ComplexSubject;

const maxMembers = 16;
const longestText = 1_024;

/** RFC 9493 section 3.2 and section 3.5 of the framework. `aliases` names several subjects and is not accepted. */
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

/** Undefined when malformed. */
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
  // RFC 9493 section 3.1: the format defines all members.
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

/** Identifies a subject uniquely. */
export function digestOfSubject(subject: SubjectIdentifier): string {
  return sha256Base64Url(canonicalize(subject));
}

/**
 * Whether an excluded subject covers the subject of an event. A member that the event lacks does not match, although
 * section 8.1.3.1 permits it: more would be withheld than was asked for (section 9.3).
 *
 * Looks up every combination of the event's few members, so the cost does not depend on the number of exclusions.
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

function subsetsOf(parts: readonly Part[]): readonly (readonly Part[])[] {
  let subsets: readonly (readonly Part[])[] = [[]];
  for (const part of parts) subsets = [...subsets, ...subsets.map((some) => [...some, part])];
  return subsets.slice(1);
}
