import {
  type AuthorityClass,
  type CertificateProfile,
  type CertificateProfileName,
  type CertificateProfileTerms,
  certificateAuthorityErrors,
  certificateProfileNames,
} from '@countersign/contracts';
import { approvalPolicy, approvalUsage } from '@countersign/oauth/certificate-signature';

const hour = 3_600;
const day = 24 * hour;

/** The part of a profile that a release fixes. New terms cannot widen it. */
export interface ReleasedProfile
  extends Pick<CertificateProfile, 'name' | 'authority' | 'policy' | 'revocation' | 'longestSeconds' | 'holders'> {
  /** Critical `keyUsage`: signatures only, because certified keys never encrypt. */
  readonly keyUsage: readonly ('digitalSignature' | 'nonRepudiation')[];
  /** Object identifiers. */
  readonly extendedKeyUsage: readonly string[];
  readonly extendedKeyUsageCritical: boolean;
  /** Whether certificates may name DNS names; if so, they must name at least one. */
  readonly namesHosts: boolean;
  readonly lifetimeSeconds: number;
}

/**
 * Object identifiers of our own: a UUID in seven parts below an arc that Microsoft assigns for this. `2.25` with the
 * UUID as one number is shorter, but Go before 1.22 rejects certificates with numbers of more than 31 bits.
 */
const arc = '1.2.840.113556.1.8000.2554.63629.32292.40421.17976.40884.11252332.3655321';
const policies = `${arc}.1`;
/** Extension with the SHA-256 of the certified model artefact of a trading agent. */
export const modelDigestExtension = `${arc}.3.1`;

export const usages = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  timeStamping: '1.3.6.1.5.5.7.3.8',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
} as const;

const common = { keyUsage: ['digitalSignature'], extendedKeyUsageCritical: false, namesHosts: false } as const;

/** All profiles of this release, with the terms that apply until two people change them. */
export const releasedProfiles: Readonly<Record<CertificateProfileName, ReleasedProfile>> = {
  'trading-agent': {
    ...common,
    name: 'trading-agent',
    authority: 'workload',
    policy: `${policies}.1`,
    revocation: 'none',
    lifetimeSeconds: hour,
    longestSeconds: day,
    holders: ['agent'],
    extendedKeyUsage: [usages.clientAuth],
  },
  'risk-service': {
    ...common,
    name: 'risk-service',
    authority: 'workload',
    policy: `${policies}.2`,
    revocation: 'none',
    lifetimeSeconds: hour,
    longestSeconds: day,
    holders: ['service'],
    extendedKeyUsage: [usages.clientAuth],
  },
  gateway: {
    ...common,
    name: 'gateway',
    authority: 'workload',
    policy: `${policies}.3`,
    revocation: 'listed',
    lifetimeSeconds: day,
    longestSeconds: 7 * day,
    holders: ['service'],
    extendedKeyUsage: [usages.serverAuth, usages.clientAuth],
    namesHosts: true,
  },
  'internal-process': {
    ...common,
    name: 'internal-process',
    authority: 'workload',
    policy: `${policies}.4`,
    revocation: 'none',
    lifetimeSeconds: day,
    longestSeconds: day,
    holders: ['service'],
    extendedKeyUsage: [usages.serverAuth, usages.clientAuth],
    namesHosts: true,
  },
  'operator-approval': {
    ...common,
    name: 'operator-approval',
    authority: 'person',
    policy: approvalPolicy,
    revocation: 'listed',
    lifetimeSeconds: 8 * hour,
    longestSeconds: day,
    holders: ['person'],
    keyUsage: ['digitalSignature', 'nonRepudiation'],
    extendedKeyUsage: [approvalUsage],
    extendedKeyUsageCritical: true,
  },
  device: {
    ...common,
    name: 'device',
    authority: 'device',
    policy: `${policies}.6`,
    revocation: 'listed',
    lifetimeSeconds: 30 * day,
    longestSeconds: 90 * day,
    holders: ['device'],
    extendedKeyUsage: [usages.clientAuth],
  },
  'partner-client': {
    ...common,
    name: 'partner-client',
    authority: 'partner',
    policy: `${policies}.7`,
    revocation: 'listed',
    lifetimeSeconds: 90 * day,
    longestSeconds: 90 * day,
    holders: ['service'],
    extendedKeyUsage: [usages.clientAuth],
  },
  'time-stamping': {
    ...common,
    name: 'time-stamping',
    authority: 'service',
    policy: `${policies}.8`,
    revocation: 'listed',
    lifetimeSeconds: 90 * day,
    longestSeconds: 365 * day,
    holders: ['service'],
    extendedKeyUsage: [usages.timeStamping],
    extendedKeyUsageCritical: true,
  },
};

/** Policy of the certificates of OCSP responders. Orders cannot ask for it: the component issues them to itself. */
export const statusPolicy = `${policies}.9`;
export const statusLifetimeSeconds = 7 * day;

/** The policy identifiers that an authority of this class may issue under. */
export function policiesOf(authority: AuthorityClass): readonly string[] {
  const own = certificateProfileNames
    .map((name) => releasedProfiles[name])
    .filter((one) => one.authority === authority);
  return [...own.map(({ policy }) => policy), statusPolicy];
}

/** Whether certificates of this class may name hosts. */
export const namesHosts = (authority: AuthorityClass): boolean =>
  certificateProfileNames.some(
    (name) => releasedProfiles[name].authority === authority && releasedProfiles[name].namesHosts,
  );

/** The terms of a profile in a new installation. */
export function firstTerms(name: CertificateProfileName, hosts: readonly string[]): CertificateProfileTerms {
  const { lifetimeSeconds, namesHosts } = releasedProfiles[name];
  return { enabled: true, lifetimeSeconds, dnsNames: namesHosts ? hosts : [] };
}

export function profileNamed(text: string): CertificateProfileName {
  const name = certificateProfileNames.find((known) => known === text);
  if (name === undefined)
    throw certificateAuthorityErrors.error(
      'profile_unknown',
      `There is no such certificate profile. The profiles are ${certificateProfileNames.join(', ')}.`,
    );
  return name;
}

const dnsName = /^\.?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** @throws CodedError `profile_terms_invalid` */
export function checkTerms(name: CertificateProfileName, terms: CertificateProfileTerms): void {
  const { longestSeconds, namesHosts } = releasedProfiles[name];
  const refuse = (detail: string) => certificateAuthorityErrors.error('profile_terms_invalid', detail);
  if (!Number.isInteger(terms.lifetimeSeconds) || terms.lifetimeSeconds < 300)
    throw refuse('The lifetime is at least 300 seconds.');
  if (terms.lifetimeSeconds > longestSeconds)
    throw refuse(`Certificates of the profile ${name} are valid for at most ${longestSeconds} seconds.`);
  if (!namesHosts && terms.dnsNames.length > 0) throw refuse(`Certificates of the profile ${name} cannot name hosts.`);
  const wrong = terms.dnsNames.find((host) => host.length > 253 || !dnsName.test(host));
  if (wrong !== undefined)
    throw refuse('DNS names are in lower case, without wildcards. A leading dot permits all names below a domain.');
}

/** Whether this host is permitted by name, or by a domain with a leading dot. */
export function permitsHost(permitted: readonly string[], host: string): boolean {
  return permitted.some((name) => (name.startsWith('.') ? host.endsWith(name) : host === name));
}

export const isDnsName = (text: string): boolean => text.length <= 253 && !text.startsWith('.') && dnsName.test(text);
