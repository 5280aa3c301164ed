import { isCodedError } from '@countersign/kernel';
import { keyIdentifierOf } from '../certificates/build-extensions.ts';
import { type ParsedCertificate, readX509Certificate } from '../certificates/certificate.ts';
import { attributeTexts, comparableRelativeNames } from '../certificates/directory-name.ts';
import {
  authorityKeyIdentifierOf,
  basicConstraintsOf,
  extendedKeyUsageOf,
  findUnsupportedExtension,
  keyUsageBits,
  keyUsageOf,
  subjectKeyIdentifierOf,
} from '../certificates/extensions.ts';
import { type GeneralName, subjectAltNamesOf } from '../certificates/general-names.ts';
import {
  accessAddressesOf,
  distributionPointsOf,
  findNoRevAvailFault,
  isExemptFromRevocation,
} from '../certificates/revocation-sources.ts';
import {
  contextConstructed,
  type DerElement,
  derBitString,
  derCertificateTime,
  derSequence,
  readDer,
  readSmallInteger,
  tags,
} from '../der/index.ts';
import { malformedDer } from '../errors.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import { sameOctets } from '../octets.ts';
import { nameConstraintsOf } from '../path/name-constraints.ts';
import { policiesOf } from '../path/policies.ts';
import { signatureSchemeOf } from '../signatures/algorithms.ts';
import { isSchemeOfKey, readPublicKey } from '../signatures/public-key.ts';

/** What `lintCertificate` checks. */
export const certificateRules = [
  /** Strict DER, version 3, each extension at most once. */
  'encoding',
  'serial_number',
  'signature_algorithm',
  'issuer',
  'subject',
  'validity',
  'public_key',
  'key_identifiers',
  'basic_constraints',
  'key_usage',
  'extended_key_usage',
  'subject_alt_name',
  'name_constraints',
  'policies',
  'revocation_information',
  'critical_extensions',
  /** Only in `createIssuanceCheck`: the certificate would not be valid below its authority. */
  'path',
] as const;
export type CertificateRule = (typeof certificateRules)[number];

export interface CertificateFinding {
  readonly rule: CertificateRule;
  readonly detail: string;
}

export interface LintContext {
  /** The certificate of the authority that will sign. */
  readonly issuer: ParsedCertificate;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** How far before now a validity may start, for relying parties whose clocks are slow. */
const maxBackdatingMs = 60_000;
const minSerialOctets = 8;
const maxSerialOctets = 20;
/** Upper bounds in characters (RFC 5280 appendix A.1). */
const nameBounds: readonly (readonly [type: string, max: number])[] = [
  [oid.countryName, 2],
  [oid.serialNumber, 64],
  [oid.localityName, 128],
  [oid.organizationName, 64],
  [oid.organizationalUnitName, 64],
  [oid.commonName, 64],
];
/** Whether an extension is critical (RFC 5280 section 4.2); the others may be either. */
const criticality: ReadonlyMap<string, boolean> = new Map<string, boolean>([
  [oid.basicConstraints, true],
  [oid.keyUsage, true],
  [oid.nameConstraints, true],
  [oid.policyConstraints, true],
  [oid.inhibitAnyPolicy, true],
  [oid.subjectKeyIdentifier, false],
  [oid.authorityKeyIdentifier, false],
  [oid.certificatePolicies, false],
  [oid.crlDistributionPoints, false],
  [oid.freshestCrl, false],
  [oid.authorityInfoAccess, false],
  [oid.noRevAvail, false],
  [oid.ocspNoCheck, false],
]);

type Rule = (certificate: ParsedCertificate, context: LintContext) => string | undefined;

/** Each returns the fault, or undefined. A coded error is a fault too. */
const rules: Readonly<Record<Exclude<CertificateRule, 'encoding' | 'path'>, Rule>> = {
  serial_number({ serial }) {
    const [first = 0] = serial;
    const positive = first < 0x80 && !(serial.length === 1 && first === 0);
    if (!positive || serial.length < minSerialOctets || serial.length > maxSerialOctets)
      return `the serial number is not positive and of ${minSerialOctets} to ${maxSerialOctets} octets`;
    return undefined;
  },

  signature_algorithm({ signatureAlgorithm }, { issuer }) {
    const fits = isSchemeOfKey(signatureSchemeOf(signatureAlgorithm), readPublicKey(issuer.publicKey));
    return fits ? undefined : "the signature algorithm is not one of the authority's key";
  },

  issuer({ issuer: name }, { issuer }) {
    return sameOctets(name, issuer.subject) ? undefined : "the issuer is not the authority's subject, octet by octet";
  },

  subject(certificate) {
    const { subject, extensions } = certificate;
    const isEmpty = comparableRelativeNames(subject).length === 0;
    if (isEmpty && basicConstraintsOf(certificate).authority) return 'an authority has an empty subject';
    if (isEmpty && extensions.get(oid.subjectAltName)?.critical !== true)
      return 'the subject is empty, and there is no critical alternative name';
    for (const [type, max] of nameBounds) {
      const texts = attributeTexts(subject, type);
      if (texts.some((text) => text.trim() === '' || [...text].length > max))
        return `the attribute ${type} of the subject is empty or longer than ${max} characters`;
    }
    return attributeTexts(subject, oid.commonName).length > 1 ? 'the subject has two common names' : undefined;
  },

  validity(certificate, { issuer, now }) {
    const { notBefore, notAfter, toBeSigned } = certificate;
    if (notBefore < now - maxBackdatingMs - 1_000) return `the validity starts more than ${maxBackdatingMs} ms ago`;
    if (notAfter <= Math.max(notBefore + 999, now)) return 'the validity has no duration or is in the past';
    // The start may be backdated, so it can precede that of a new authority.
    if (now < issuer.notBefore || notAfter > issuer.notAfter) return 'the validity is not within that of the authority';
    // Section 4.1.2.5: UTCTime until 2049, then GeneralizedTime, without a fraction.
    const expected = derSequence(derCertificateTime(notBefore), derCertificateTime(notAfter - 999));
    return sameOctets(fieldsOf(toBeSigned).validity.encoding, expected) ? undefined : 'a time is in the wrong form';
  },

  public_key({ publicKey, subject }, { issuer }) {
    readPublicKey(publicKey);
    const isRenewal = sameOctets(subject, issuer.subject);
    return sameOctets(publicKey, issuer.publicKey) && !isRenewal ? "the key is the authority's own" : undefined;
  },

  key_identifiers(certificate, { issuer }) {
    const own = subjectKeyIdentifierOf(certificate);
    if (own === undefined || own.length === 0 || own.length > 32)
      return 'the subject key identifier does not have 1 to 32 octets';
    const expected = subjectKeyIdentifierOf(issuer) ?? keyIdentifierOf(issuer.publicKey);
    const named = authorityKeyIdentifierOf(certificate);
    if (named === undefined || !sameOctets(named, expected))
      return "the authority key identifier is not the authority's subject key identifier";
    return undefined;
  },

  basic_constraints(certificate) {
    const { authority, pathLength } = basicConstraintsOf(certificate);
    if (pathLength !== undefined && (!authority || pathLength < 0)) return 'a path length is only for authorities';
    return undefined;
  },

  key_usage(certificate) {
    const usage = keyUsageOf(certificate);
    const { authority } = basicConstraintsOf(certificate);
    if (usage === undefined || usage.size === 0) return 'no key usage is given';
    if (usage.has(keyUsageBits.keyCertSign) !== authority)
      return 'the usage of signing certificates is for authorities, and only for them';
    if (!authority && usage.has(keyUsageBits.crlSign)) return 'only authorities sign revocation lists';
    const { kind } = readPublicKey(certificate.publicKey);
    const enciphers = usage.has(keyUsageBits.keyEncipherment) || usage.has(keyUsageBits.dataEncipherment);
    // RFC 5480 section 3 and RFC 8410 section 5.
    if (enciphers && kind !== 'rsa') return 'only an RSA key enciphers';
    return usage.has(keyUsageBits.keyAgreement) && kind !== 'ec' ? 'only an EC key agrees on keys' : undefined;
  },

  extended_key_usage(certificate) {
    const usage = extendedKeyUsageOf(certificate);
    if (usage === undefined) return basicConstraintsOf(certificate).authority ? undefined : 'no purpose is given';
    const { purposes, critical } = usage;
    if (purposes.length === 0 || new Set(purposes).size < purposes.length) return 'a purpose is missing or repeated';
    if (purposes.includes(oid.anyExtendedKeyUsage)) return 'any purpose is not accepted';
    if (basicConstraintsOf(certificate).authority) return undefined;
    // RFC 3161 section 2.3: alone and critical. A responder's key must serve nothing else either.
    for (const purpose of [oid.timeStamping, oid.ocspSigning])
      if (purposes.includes(purpose) && purposes.length > 1) return `the purpose ${purpose} must be the only one`;
    return purposes.includes(oid.timeStamping) && !critical ? 'time stamping is not critical' : undefined;
  },

  subject_alt_name(certificate) {
    const { extensions } = certificate;
    const names = subjectAltNamesOf(certificate);
    if (extensions.has(oid.subjectAltName) && names.length === 0) return 'there are no alternative names';
    const texts = names.map((name) => JSON.stringify(name.kind === 'address' ? [...name.octets] : name));
    if (new Set(texts).size < texts.length) return 'an alternative name is repeated';
    const invalid = names.find((name) => !isWellFormed(name));
    return invalid === undefined ? undefined : `an alternative name of the form ${invalid.kind} is not well formed`;
  },

  name_constraints(certificate) {
    const constraints = nameConstraintsOf(certificate);
    if (constraints === undefined) return undefined;
    if (!basicConstraintsOf(certificate).authority) return 'name constraints are only for authorities';
    const count = constraints.permitted.length + constraints.excluded.length;
    return count === 0 ? 'the name constraints are empty' : undefined;
  },

  policies(certificate) {
    const policies = policiesOf(certificate);
    if (policies.size === 0) return 'no policy is named';
    const isLeaf = !basicConstraintsOf(certificate).authority;
    return isLeaf && policies.has(oid.anyPolicy) ? 'any policy is only for authorities' : undefined;
  },

  revocation_information(certificate) {
    const fault = findNoRevAvailFault(certificate);
    if (fault !== undefined) return fault;
    const points = distributionPointsOf(certificate);
    const responders = accessAddressesOf(certificate, oid.ocsp);
    const addresses = points.flatMap(({ names }) => names);
    if (points.some(({ names }) => names.length === 0)) return 'a distribution point has no name';
    if (addresses.some((name) => name.kind !== 'uri' || !isWebAddress(name.text)))
      return 'a distribution point is not an HTTP address';
    if (![...responders, ...accessAddressesOf(certificate, oid.accessToIssuers)].every(isWebAddress))
      return 'an access address is not an HTTP address';
    const isPublished = points.length + responders.length > 0;
    // RFC 9608 section 2: an authority that publishes nothing says so. Authorities themselves are never exempt.
    if (isPublished || isExemptFromRevocation(certificate) || basicConstraintsOf(certificate).authority)
      return undefined;
    return 'no revocation information is published, and noRevAvail is missing';
  },

  critical_extensions(certificate) {
    for (const [id, { critical }] of certificate.extensions)
      if (criticality.get(id) === !critical) return `the extension ${id} is ${critical ? '' : 'not '}critical`;
    const unsupported = findUnsupportedExtension(certificate, new Set(criticality.keys()));
    return unsupported === undefined ? undefined : `the critical extension ${unsupported} is not supported`;
  },
};

/**
 * Checks a to-be-signed certificate against RFC 5280, RFC 9608 and the rules of this authority, before a real key signs it.
 *
 * @param toBeSigned TBSCertificate
 * @returns all faults; empty when there are none
 */
export function lintCertificate(toBeSigned: Uint8Array, context: LintContext): readonly CertificateFinding[] {
  let certificate: ParsedCertificate;
  try {
    certificate = readToBeSigned(toBeSigned);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return [{ rule: 'encoding', detail: error.detail }];
  }
  const findings: CertificateFinding[] = [];
  for (const rule of certificateRules) {
    if (rule === 'encoding' || rule === 'path') continue;
    const detail = faultOf(() => rules[rule](certificate, context));
    if (detail !== undefined) findings.push({ rule, detail });
  }
  return findings;
}

function faultOf(find: () => string | undefined): string | undefined {
  try {
    return find();
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return error.detail;
  }
}

/** Reads a to-be-signed certificate as a certificate with an empty signature. @throws CodedError `der_malformed` */
export function readToBeSigned(toBeSigned: Uint8Array): ParsedCertificate {
  const { version, algorithm } = fieldsOf(toBeSigned);
  if (version !== 2) throw malformedDer('the version of the certificate is not 3');
  return readX509Certificate(derSequence(toBeSigned, algorithm.encoding, derBitString(new Uint8Array())));
}

function fieldsOf(toBeSigned: Uint8Array): {
  readonly version: number;
  readonly algorithm: DerElement;
  readonly validity: DerElement;
} {
  const outer = readDer(toBeSigned);
  const fields = outer.enter(tags.sequence);
  outer.end();
  const versionField = fields.enterOptional(contextConstructed(0));
  const version = versionField === undefined ? 0 : readSmallInteger(versionField.next(tags.integer));
  fields.next(tags.integer);
  const algorithm = fields.next(tags.sequence);
  fields.next(tags.sequence);
  return { version, algorithm, validity: fields.next(tags.sequence) };
}

/** Letters, digits and hyphens (RFC 1123 section 2.1); the whole first label may be a star. */
const hostName =
  /^(?:\*\.)?(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;

function isWellFormed(name: GeneralName): boolean {
  switch (name.kind) {
    case 'dns':
      return name.text.length <= 253 && hostName.test(name.text);
    case 'email':
      return /^[^@]{1,64}@[^@]+$/.test(name.text) && hostName.test(name.text.slice(name.text.indexOf('@') + 1));
    case 'uri':
      return URL.canParse(name.text) && /^[a-z][a-z0-9+.-]*:./i.test(name.text);
    case 'upn':
      return name.text.includes('@');
    case 'directory':
    case 'address':
      return true;
    case 'other':
      return false;
  }
}

const isWebAddress = (text: string): boolean => /^https?:\/\//i.test(text) && URL.canParse(text);
