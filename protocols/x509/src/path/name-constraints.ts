import type { ParsedCertificate } from '../certificates/certificate.ts';
import { attributeTexts, comparableRelativeNames } from '../certificates/directory-name.ts';
import { type GeneralName, readGeneralName, subjectAltNamesOf } from '../certificates/general-names.ts';
import { contextConstructed, type DerReader, readDerSequence, tags } from '../der/index.ts';
import { malformedDer } from '../errors.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';

/** A name of each form must match one of `permitted`, if any are listed for that form, and none of `excluded`. */
export interface NameConstraints {
  readonly permitted: readonly GeneralName[];
  readonly excluded: readonly GeneralName[];
}

const maxSubtrees = 256;

/**
 * The name constraints of an authority (RFC 5280 section 4.2.1.10).
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
    // An exclusion that matches no name would exclude nothing, so it is refused.
    if (!isComparableBase(base)) throw malformedDer('a name constraint has invalid syntax');
    found.push(base);
    // RFC 5280 does not use minimum and maximum; a subtree with them is refused.
    subtree.end();
    if (found.length > maxSubtrees) throw malformedDer('too many name constraints');
  }
  return found;
}

/** Hosts with or without a leading dot, mailboxes, and addresses with a mask. */
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
 * Finds a name that violates the constraints of an authority above the certificate. A name of a constrained form that
 * cannot be compared violates them too.
 *
 * @returns the name in words, or undefined when all names are allowed
 * @throws CodedError `der_malformed`
 */
export function findForbiddenName(certificate: ParsedCertificate, constraints: NameConstraints): string | undefined {
  const { permitted, excluded } = constraints;
  for (const name of namesOf(certificate)) {
    const relevantPermitted = permitted.filter((base) => formOf(base) === formOf(name));
    const relevantExcluded = excluded.filter((base) => formOf(base) === formOf(name));
    if (relevantPermitted.length + relevantExcluded.length === 0) continue;
    if (!isComparable(name)) return `a name of the form ${formOf(name)} that cannot be compared`;
    if (relevantPermitted.length > 0 && !relevantPermitted.some((base) => isWithin(name, base)))
      return `a name of the form ${formOf(name)} that is not permitted`;
    if (relevantExcluded.some((base) => isWithin(name, base) || wildcardReaches(name, base)))
      return `a name of the form ${formOf(name)} that is excluded`;
  }
  return undefined;
}

/** The subject, email addresses in the subject (RFC 5280 section 4.2.1.6), and the alternative names. */
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
  // RFC 5280 section 7.5: the local part is compared exactly.
  if (wanted !== undefined) return mailbox?.local === wanted.local && mailbox.host === wanted.host;
  return isHostWithin(mailbox?.host, limit);
}

/**
 * Whether a wildcard covers an excluded name: `*.desk.example` covers `bad.desk.example`. The star may stand for any
 * number of labels, because readers differ.
 */
function wildcardReaches(name: GeneralName, base: GeneralName): boolean {
  if (name.kind !== 'dns' || base.kind !== 'dns') return false;
  const suffix = wildcardBase(name.text)?.toLowerCase();
  return suffix !== undefined && base.text.toLowerCase().endsWith(`.${suffix}`);
}

/** The name after `*.`; the star must be the whole first label (RFC 9525 section 6.3). */
function wildcardBase(text: string): string | undefined {
  return text.startsWith('*.') ? text.slice(2) : undefined;
}

/** No empty labels: a trailing dot, as in `bad.desk.example.`, would be a second spelling of the same host. */
function isHostName(text: string): boolean {
  return /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/.test(text);
}

/** RFC 5280 section 4.2.1.10: a limit with a leading dot means every host below it, without one exactly that host. */
function isHostWithin(host: string | undefined, limit: string): boolean {
  return host !== undefined && (limit.startsWith('.') ? host.endsWith(limit) : host === limit);
}

function splitMailbox(text: string): { readonly local: string; readonly host: string } | undefined {
  const at = text.lastIndexOf('@');
  const host = text.slice(at + 1).toLowerCase();
  return at > 0 && isHostName(host) ? { local: text.slice(0, at), host } : undefined;
}

/** The host name of a URI. Undefined without one or with an IP address, which constraints cannot match (RFC 5280). */
function hostOf(text: string): string | undefined {
  // A backslash ends the authority for browsers but not in RFC 3986, so such a URI has no certain host.
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
