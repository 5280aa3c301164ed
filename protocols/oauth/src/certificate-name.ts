import { type Brand, unreachable } from '@countersign/kernel';
import type { Certificate } from './certificate.ts';
import { parseDistinguishedName } from './distinguished-name.ts';
import { certificateErrors } from './errors.ts';

/** Identifies a client (RFC 8705 section 2.1.2). */
export interface CertificateName {
  readonly kind: 'subject_dn' | 'san_dns' | 'san_uri' | 'san_ip' | 'san_email';
  readonly value: string;
}

/** False for malformed names and for wildcards, which could match several clients. */
export function matchesName(certificate: Certificate, name: CertificateName): boolean {
  const expected = canonicalName(name);
  return expected !== undefined && canonicalNamesOf(certificate).has(expected);
}

/** Comparable independently of its spelling. */
export type CanonicalName = Brand<string, 'CanonicalName'>;

/** Undefined for a name that {@link checkCertificateName} refuses. */
export function canonicalName({ kind, value }: CertificateName): CanonicalName | undefined {
  const comparable = comparableName({ kind, value });
  return comparable === undefined ? undefined : canonical(kind, comparable);
}

export function canonicalNamesOf({ names }: Certificate): ReadonlySet<CanonicalName> {
  const emails = names.emails.flatMap((email) => comparableEmail(email) ?? []);
  return new Set([
    ...(names.subject === undefined ? [] : [canonical('subject_dn', names.subject)]),
    ...names.dns.map((name) => canonical('san_dns', name.toLowerCase())),
    ...names.uris.map((name) => canonical('san_uri', name)),
    ...names.addresses.map((octets) => canonical('san_ip', withoutMapping(octets))),
    ...emails.map((email) => canonical('san_email', email)),
  ]);
}

function canonical(kind: CertificateName['kind'], comparable: string): CanonicalName {
  return `${kind} ${comparable}` as CanonicalName;
}

/** @throws CodedError `certificate_name_malformed` */
export function checkCertificateName(name: CertificateName): void {
  if (comparableName(name) === undefined)
    throw certificateErrors.error(
      'certificate_name_malformed',
      `The value of tls_client_auth_${name.kind} is not ${descriptions[name.kind]}.`,
      { facts: { kind: name.kind } },
    );
}

const descriptions = {
  subject_dn: 'a distinguished name as RFC 4514 writes it, most specific first, for example CN=desk,O=Example',
  san_dns: 'a host name without wildcard',
  san_uri: 'an absolute URI',
  san_ip: 'an IPv4 address in dotted decimal or an IPv6 address in hexadecimal notation',
  san_email: 'an email address',
} as const;

/** Other scripts in their ASCII form (RFC 5280 section 7.2). */
const hostPattern = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_][a-z0-9_-]{0,62})*$/;
const uriPattern = /^(?=.{1,2048}$)[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+$/;
const ipv4Pattern = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const ipv6Pattern = /^(?=.{2,45}$)[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*$/;

function comparableName({ kind, value }: CertificateName): string | undefined {
  switch (kind) {
    case 'subject_dn':
      return parseDistinguishedName(value);
    case 'san_dns': {
      const name = value.toLowerCase();
      return hostPattern.test(name) ? name : undefined;
    }
    case 'san_uri':
      return uriPattern.test(value) ? value : undefined;
    case 'san_ip':
      return addressOctets(value);
    case 'san_email':
      return comparableEmail(value);
    default:
      return unreachable(kind);
  }
}

/** Addresses are compared by their octets (RFC 8705 section 2.1.2, RFC 5952 section 8). */
function addressOctets(address: string): string | undefined {
  if (ipv4Pattern.test(address)) return Buffer.from(address.split('.').map(Number)).toString('hex');
  if (!ipv6Pattern.test(address) || !URL.canParse(`http://[${address}]/`)) return undefined;
  // The URL parser compresses at most one run of zeros (WHATWG URL, IPv6 serializer).
  const [left = [], right] = new URL(`http://[${address}]/`).hostname
    .slice(1, -1)
    .split('::')
    .map((half) => half.split(':').filter((group) => group !== ''));
  const zeros = right === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...(right ?? [])];
  return withoutMapping(groups.map((group) => group.padStart(4, '0')).join(''));
}

/** IPv4-mapped IPv6 addresses (RFC 4291 section 2.5.5.2) become IPv4. */
function withoutMapping(octets: string): string {
  return /^0{20}f{4}[0-9a-f]{8}$/.test(octets) ? octets.slice(24) : octets;
}

/** RFC 5280 section 7.5: only the host is case-insensitive. */
function comparableEmail(address: string): string | undefined {
  const at = address.lastIndexOf('@');
  const local = address.slice(0, at);
  const host = address.slice(at + 1).toLowerCase();
  return at > 0 && local.length <= 64 && /^[\x21-\x7e]+$/.test(local) && hostPattern.test(host)
    ? `${local}@${host}`
    : undefined;
}
