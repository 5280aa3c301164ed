import {
  type Clock,
  type CodedError,
  type Digest,
  errorVocabulary,
  isCodedError,
  membersOf,
  parseDigest,
  type RecordId,
  sha256Base64Url,
} from '@countersign/kernel';
import { importVerificationKey, type VerifiedClaims } from '@countersign/oauth';
import {
  approvalPolicy,
  approvalUsage,
  type CertificateSignature,
  type CertificateSignatureProblem,
  readCertificateSignature,
  type VerifiedCertificateSignature,
  verifyCertificateSignature,
} from '@countersign/oauth/certificate-signature';
import { type ParsedCertificate, publicKeyJwk, subjectAltNamesOf } from '@countersign/x509';
import type { AuditLog } from './audit-log.ts';
import { certificateThing, issuanceRecordOf, revokedCertificateThing } from './certificate-authority.ts';
import type { Directory, DirectorySnapshot, Person } from './directory.ts';
import type { StandingReader } from './standing.ts';

/** An authority of a partner, whose certificates sign for people of that partner only. */
export interface PartnerApprovalAuthority {
  /** LEI. */
  readonly institution: string;
  readonly anchors: readonly ParsedCertificate[];
  /** Object identifiers; a certificate needs one of each list. */
  readonly purposes: readonly string[];
  readonly policies: readonly string[];
  /** Authentication context class of a signature with a certificate of this authority. */
  readonly acr: string;
  /** The name in the certificate that is the subject of the person's federated identity at this issuer. */
  readonly people: { readonly by: 'email' | 'upn' | 'uri'; readonly issuer: string };
}

export interface CertificateSignatureSettings {
  /** Authentication context class of a signature with a certificate of ours. */
  readonly acr: string;
  /** The greatest age of the statement that a certificate is good. */
  readonly maxStatusAgeMs: number;
  readonly partners: readonly PartnerApprovalAuthority[];
}

/** A person who signed with the key of a certificate. */
export interface CertifiedSigner {
  readonly person: Person;
  /** RFC 7638 thumbprint of the certified key. */
  readonly kid: Digest;
  readonly jwk: Readonly<Record<string, string>>;
  readonly certificate: SigningCertificate;
  readonly acr: string;
  /** What was signed, beside the header. */
  readonly claims: VerifiedClaims;
  /** Record of the issuance, for a certificate of our own authority. */
  readonly issuance: RecordId | undefined;
}

export interface SigningCertificate {
  /** Hexadecimal; of our own authority, 32 digits. */
  readonly serial: string;
  /** `x5t#S256` (RFC 8705). */
  readonly thumbprint: string;
}

export const certificateSignatureErrors = errorVocabulary({
  /** No accepted authority issued it, or it is not for a person who is active. */
  certificate_untrusted: 'forbidden',
  certificate_expired: 'forbidden',
  /** Issued for another purpose, e.g. under another profile. */
  certificate_usage: 'forbidden',
  certificate_key_weak: 'forbidden',
  certificate_policy: 'forbidden',
  certificate_revoked: 'forbidden',
  /** The signature proves no recent status of its certificate. */
  certificate_status_unknown: 'unavailable',
});

type CertificateCode = keyof (typeof certificateSignatureErrors)['codes'];
const codes: Readonly<Record<Exclude<CertificateSignatureProblem, 'malformed' | 'signature'>, CertificateCode>> = {
  untrusted: 'certificate_untrusted',
  expired: 'certificate_expired',
  usage: 'certificate_usage',
  key_weak: 'certificate_key_weak',
  policy: 'certificate_policy',
  revoked: 'certificate_revoked',
  status_unknown: 'certificate_status_unknown',
};

export interface CertificateSignatureDependencies {
  readonly log: Pick<AuditLog, 'find'> & StandingReader;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly clock: Clock;
  readonly settings: CertificateSignatureSettings;
}

/**
 * The person who made a signature with a certificate (`x5c`), which is of our own authority under the profile `operator-approval` or
 * of a partner's authority, and which was good when it signed. Whether we issued a certificate, to whom, and whether it has been
 * revoked, is read from the log.
 *
 * @param accepted.type the `typ` of the signed statement
 * @param accepted.refuse makes the errors for statements that are malformed or not signed by the certified key
 * @throws CodedError of {@link certificateSignatureErrors} or of `refuse`; `log_unavailable`
 */
export async function identifySigner(
  text: string,
  accepted: {
    readonly type: string;
    readonly refuse: (problem: 'malformed' | 'signature', detail: string) => CodedError;
  },
  { log, directory, clock, settings }: CertificateSignatureDependencies,
): Promise<CertifiedSigner> {
  const refuse = (problem: CertificateSignatureProblem, detail: string): CodedError =>
    problem === 'malformed' || problem === 'signature'
      ? accepted.refuse(problem, detail)
      : certificateSignatureErrors.error(codes[problem], detail);
  const signed = readCertificateSignature(text, accepted.type, refuse);
  const snapshot = directory.snapshot();
  const trust = { at: clock.now(), maxStatusAgeMs: settings.maxStatusAgeMs };
  const serial = serialOf(signed.certificate);
  const issued = await issuanceOf(signed.certificate, serial, log);
  let person: Person | undefined;
  let { acr } = settings;
  let verified: VerifiedCertificateSignature | undefined;
  if (issued === undefined) {
    const partners = settings.partners.filter(({ anchors }) => leadsTo(signed, anchors));
    if (partners.length === 0)
      throw refuse('untrusted', 'No authority whose certificates sign approvals here issued the certificate.');
    for (const partner of partners) {
      verified = verifyCertificateSignature(signed, { ...partner, ...trust }, refuse);
      requireWholeChain(signed, verified.path.at(-1), refuse);
      person = personOfPartner(signed.certificate, partner, snapshot);
      ({ acr } = partner);
      if (person !== undefined) break;
    }
  } else {
    if (issued.profile !== 'operator-approval')
      throw refuse('usage', `The certificate ${serial} was issued under the profile ${issued.profile}.`);
    const anchors = signed.above.filter((one) => keyIdOf(one) === issued.authority);
    const own = { anchors, purposes: [approvalUsage], policies: [approvalPolicy] };
    verified = verifyCertificateSignature(signed, { ...own, ...trust }, refuse);
    if ((await revokedAmong([serial], log)).has(serial))
      throw refuse('revoked', `The certificate ${serial} has been revoked by its authority.`);
    const holder = snapshot.principal(issued.holder);
    person = holder?.kind === 'person' && holder.institution === issued.institution ? holder : undefined;
  }
  const kid = parseDigest(signed.key.thumbprint);
  if (kid === undefined) throw new Error('a thumbprint of a key is not a digest');
  // Otherwise the key would not identify one person.
  const other = snapshot.credential(kid);
  if (
    verified === undefined ||
    person === undefined ||
    person.active === false ||
    (other !== undefined && other.principal !== person.id)
  )
    throw refuse('untrusted', `The certificate ${serial} does not identify one active person.`);
  const certificate = { serial, thumbprint: sha256Base64Url(signed.certificate.encoding) };
  return { person, kid, jwk: signed.jwk, certificate, acr, claims: verified.claims, issuance: issued?.record };
}

const ownSerial = /^[0-9a-f]{32}$/;

/** Which of these certificates of our authority have been revoked. @throws CodedError `log_unavailable` */
export async function revokedAmong(serials: readonly string[], log: StandingReader): Promise<ReadonlySet<string>> {
  const things = [...new Set(serials)]
    .filter((serial) => ownSerial.test(serial))
    .map((serial) => [serial, revokedCertificateThing(serial)] as const);
  if (things.length === 0) return new Set();
  const found = await log.standings(things.map(([, thing]) => thing));
  return new Set(things.flatMap(([serial, thing]) => (found.get(thing)?.digest === undefined ? [] : [serial])));
}

interface Issuance {
  readonly record: RecordId;
  readonly profile: string;
  readonly holder: string;
  readonly institution: string;
  /** RFC 7638 thumbprint of the issuing key. */
  readonly authority: string;
}

/** The issuance of exactly this certificate by our authority. Its signature does not matter: the log holds what was signed. */
async function issuanceOf(
  { toBeSigned }: ParsedCertificate,
  serial: string,
  log: Pick<AuditLog, 'find'> & StandingReader,
): Promise<Issuance | undefined> {
  if (!ownSerial.test(serial)) return undefined;
  const thing = certificateThing(serial);
  if ((await log.standings([thing])).get(thing) === undefined) return undefined;
  const id = issuanceRecordOf(serial);
  const record = (await log.find(id))?.record;
  if (record?.type !== 'certificate.issued') return undefined;
  const data = membersOf(record.data);
  const after = membersOf(data?.['after']);
  const { profile, holder, institution, authority } = after ?? {};
  if (data?.['tbs_digest'] !== sha256Base64Url(toBeSigned)) return undefined;
  if (![profile, holder, institution, authority].every((member) => typeof member === 'string')) return undefined;
  // Each is text, as checked above.
  return { record: id, profile, holder, institution, authority } as Issuance;
}

/** Without leading zeros for a foreign certificate; 32 digits for one of ours. */
function serialOf({ serial }: ParsedCertificate): string {
  const digits = Buffer.from(serial).toString('hex').replace(/^0+/, '');
  return digits.length <= 32 ? digits.padStart(32, '0') : digits;
}

function keyIdOf({ publicKey }: ParsedCertificate): string | undefined {
  try {
    return importVerificationKey(publicKeyJwk(publicKey)).thumbprint;
  } catch (error) {
    // Issuing authorities of ours have keys that can be imported; the root may have another.
    if (isCodedError(error)) return undefined;
    throw error;
  }
}

/** Readers of the evidence may not have the partner's authority, so the signature contains it. */
function requireWholeChain(
  { above }: CertificateSignature,
  anchor: ParsedCertificate | undefined,
  refuse: (problem: 'malformed', detail: string) => CodedError,
): void {
  if (anchor === undefined || !above.some(({ encoding }) => Buffer.from(encoding).equals(anchor.encoding)))
    throw refuse('malformed', 'Its x5c must hold the whole chain, including the authority that is trusted here.');
}

/** By names alone, to choose the partner whose rules apply. */
function leadsTo({ certificate, above }: CertificateSignature, anchors: readonly ParsedCertificate[]): boolean {
  const issuers = [certificate, ...above].map(({ issuer }) => Buffer.from(issuer));
  return anchors.some(({ subject }) => issuers.some((issuer) => issuer.equals(subject)));
}

function personOfPartner(
  certificate: ParsedCertificate,
  { institution, people: { by, issuer } }: PartnerApprovalAuthority,
  directory: DirectorySnapshot,
): Person | undefined {
  const found = new Map<string, Person>();
  for (const name of subjectAltNamesOf(certificate)) {
    const person = name.kind === by ? directory.federatedPerson(issuer, name.text) : undefined;
    if (person !== undefined) found.set(person.id, person);
  }
  const [person, ...others] = found.values();
  return others.length === 0 && person?.institution === institution ? person : undefined;
}
