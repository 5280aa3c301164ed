import type { ParsedCertificate } from '../certificates/certificate.ts';
import { type DerReader, readDerSequence } from '../der/der-reader.ts';
import { contextConstructed, tags } from '../der/tags.ts';
import { malformedDer } from '../errors.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import { attributeTexts, comparableRelativeNames } from './directory-name.ts';
import { type GeneralName, readGeneralName, subjectAltNamesOf } from './general-names.ts';

/** What an authority may name: of each kind of names one of `permitted`, where it lists any, and none of `excluded`. */
export interface NameConstraints {
  readonly permitted: readonly GeneralName[];
  readonly excluded: readonly GeneralName[];
}

const mostSubtrees = 256;

/**
 * The constraints of an authority (RFC 5280 section 4.2.1.10).
 *
 * @throws CodedError `der_malformed`
 */
export function nameConstraintsOf({ extensions }: ParsedCertificate): NameConstraints | undefined {
  const extension = extensions.get(oid.nameConstraints);
  if (extension === undefined) return undefined;
  const reader = readDerSequence(extension.value);
  const permitted = readSubtrees(reader.enterOptional(contextConstructed(0)));
  const excluded = readSubtrees(reader.enterOptional(contextConstructed(1)));
  reader.end();
  return { permitted, excluded };
}

function readSubtrees(list: DerReader | undefined): readonly GeneralName[] {
  const found: GeneralName[] = [];
  while (list !== undefined && !list.done) {
    const subtree = list.enter(tags.sequence);
    const base = readGeneralName(subtree);
    // One that no name can be within would let pass what it was to exclude.
    if (!isComparableBase(base)) throw malformedDer('a constraint that no name can be compared with');
    found.push(base);
    // Minimum and maximum: the profile of RFC 5280 has no use for them, and what is not obeyed is refused.
    subtree.end();
    if (found.length > mostSubtrees) throw malformedDer('too many constraints of names');
  }
  return found;
}

/** Hosts with or without a full stop in front, mailboxes, and addresses with their mask. */
function isComparableBase(base: GeneralName): boolean {
  switch (base.kind) {
    case 'dns':
      return base.text === '' || isHostName(base.text.replace(/^\./, ''));
    case 'email':
      return splitMailbox(base.text) !== undefined || isHostName(base.text.replace(/^\./, ''));
    case 'uri':
      return isHostName(base.text.replace(/^\./, ''));
    case 'address':
      return base.octets.length === 8 || base.octets.length === 32;
    case 'directory':
    case 'upn':
    case 'other':
      return true;
  }
}

/**
 * What of a certificate's names the constraints of an authority above it do not let pass; undefined when all do.
 * A name of a form that they constrain and that cannot be compared here does not pass.
 *
 * @throws CodedError `der_malformed`
 */
export function firstNameRefused(certificate: ParsedCertificate, constraints: NameConstraints): string | undefined {
  const { permitted, excluded } = constraints;
  for (const name of namesOf(certificate)) {
    const narrowing = permitted.filter((base) => formOf(base) === formOf(name));
    const barring = excluded.filter((base) => formOf(base) === formOf(name));
    if (narrowing.length + barring.length === 0) continue;
    if (!isComparable(name)) return `a name of the form ${formOf(name)} that cannot be compared`;
    if (narrowing.length > 0 && !narrowing.some((base) => isWithin(name, base)))
      return `a name of the form ${formOf(name)} that is not permitted`;
    if (barring.some((base) => isWithin(name, base) || standsForNameIn(name, base)))
      return `a name of the form ${formOf(name)} that is excluded`;
  }
  return undefined;
}

/** Its subject, the mail addresses in its subject (RFC 5280 section 4.2.1.6), and its alternative names. */
function namesOf(certificate: ParsedCertificate): readonly GeneralName[] {
  const { subject } = certificate;
  const mails = attributeTexts(subject, oid.emailAddress);
  return [
    ...(comparableRelativeNames(subject).length === 0 ? [] : [{ kind: 'directory', name: subject } as const]),
    ...mails.map((text) => ({ kind: 'email', text }) as const),
    ...subjectAltNamesOf(certificate),
  ];
}

function formOf(name: GeneralName): string {
  if (name.kind === 'upn') return oid.userPrincipalName;
  return name.kind === 'other' ? name.form : name.kind;
}

function isComparable(name: GeneralName): boolean {
  switch (name.kind) {
    case 'email':
      return splitMailbox(name.text) !== undefined;
    case 'uri':
      return hostOf(name.text) !== undefined;
    case 'dns':
      return isHostName(wildcardBase(name.text) ?? name.text);
    case 'directory':
    case 'address':
      return true;
    case 'upn':
    case 'other':
      return false;
  }
}

function isWithin(name: GeneralName, base: GeneralName): boolean {
  if (name.kind === 'directory' && base.kind === 'directory') {
    const whole = comparableRelativeNames(name.name);
    return comparableRelativeNames(base.name).every((relative, index) => whole[index] === relative);
  }
  if (name.kind === 'address' && base.kind === 'address') return isInNetwork(name.octets, base.octets);
  if (!('text' in name) || !('text' in base)) return false;
  const limit = base.text.toLowerCase();
  if (name.kind === 'dns') {
    const host = name.text.toLowerCase();
    return limit === '' || host === limit || host.endsWith(limit.startsWith('.') ? limit : `.${limit}`);
  }
  if (name.kind === 'uri') return isHostWithin(hostOf(name.text), limit);
  const mailbox = splitMailbox(name.text);
  const wanted = splitMailbox(base.text);
  // The part before the sign is its host's own to compare: exactly (RFC 5280 section 7.5).
  if (wanted !== undefined) return mailbox?.local === wanted.local && mailbox.host === wanted.host;
  return isHostWithin(mailbox?.host, limit);
}

/**
 * Whether a wildcard stands for a name that is excluded: `*.desk.example` for `bad.desk.example`, although it is not
 * within it itself. However many labels a reader lets the star stand for.
 */
function standsForNameIn(name: GeneralName, base: GeneralName): boolean {
  if (name.kind !== 'dns' || base.kind !== 'dns') return false;
  const suffix = wildcardBase(name.text)?.toLowerCase();
  return suffix !== undefined && base.text.toLowerCase().endsWith(`.${suffix}`);
}

/** What is behind the star, where it is the whole first label (RFC 9525 section 6.3). */
function wildcardBase(text: string): string | undefined {
  return text.startsWith('*.') ? text.slice(2) : undefined;
}

/** Labels with something in them: an empty one, as at the end of `bad.desk.example.`, would make a second spelling. */
function isHostName(text: string): boolean {
  return /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/.test(text);
}

/** RFC 5280: with a full stop in front any host below it, without one that very host. */
function isHostWithin(host: string | undefined, limit: string): boolean {
  return host !== undefined && (limit.startsWith('.') ? host.endsWith(limit) : host === limit);
}

function splitMailbox(text: string): { readonly local: string; readonly host: string } | undefined {
  const at = text.lastIndexOf('@');
  const host = text.slice(at + 1).toLowerCase();
  return at > 0 && isHostName(host) ? { local: text.slice(0, at), host } : undefined;
}

/** The host name of a URI; RFC 5280 refuses those without one, and those with an address, where URIs are constrained. */
function hostOf(text: string): string | undefined {
  // A reverse solidus ends the authority for browsers, and not for RFC 3986: which host is meant, nobody can say.
  const authority = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#\\]*)(?:[/?#]|$)/.exec(text)?.[1];
  const host = authority
    ?.slice(authority.lastIndexOf('@') + 1)
    .replace(/:\d*$/, '')
    .toLowerCase();
  const isName = host !== undefined && isHostName(host) && !/^[\d.]+$/.test(host);
  return isName ? host : undefined;
}

function isInNetwork(address: Uint8Array, network: Uint8Array): boolean {
  const length = address.length;
  return (
    network.length === 2 * length &&
    address.every((octet, index) => {
      const mask = network[length + index] ?? 0;
      return (octet & mask) === ((network[index] ?? 0) & mask);
    })
  );
}
