import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { type AuthorityRequest, certificateAuthorityErrors, type RevocationReason } from '@countersign/contracts';
import { createGenerations, isCodedError, sha256Base64Url } from '@countersign/kernel';
import { encodeWorkloadExtension, type WorkloadStatement, workloadExtension } from '@countersign/spiffe';
import {
  type AuthorityLimits,
  assembleCertificate,
  assembleRevocationList,
  assembleStatusResponse,
  attributeTexts,
  buildCertificationRequest,
  buildStatusResponseData,
  buildTbsCertificate,
  buildTbsRevocationList,
  type CertificateId,
  decodeStatusRequestPath,
  encodeCertificateBag,
  encodeDirectoryName,
  encodeRequestAttributes,
  encodeStatusFailure,
  type GeneralName,
  isIssuedBy,
  isIssuerOf,
  issuingExtensions,
  keyIdentifierOf,
  limitingExtensions,
  type NewExtensions,
  type ParsedCertificate,
  readCertificationRequest,
  readStatusRequest,
  readX509Certificate,
  sameDirectoryNames,
  subjectAltNamesOf,
  verifySignature,
} from '@countersign/x509';
import { derUtf8 } from '@countersign/x509/der';
import { createIssuanceCheck, type IssuanceCheck } from '@countersign/x509/issuing';
import type { CeremonyResult } from './ledger/fold.ts';
import { type ReleasedProfile, statusPolicy, usages } from './profiles.ts';

// Everything here builds or reads certificates and lists. Nothing here decides who may have one.

/** Signs octets with ES256. @returns r and s, 32 octets each */
type Sign = (octets: Uint8Array) => Promise<Uint8Array>;
type Jwk = Readonly<Record<string, string>>;

const algorithm = 'ES256';
const commonNameType = '2.5.4.3';
const scheme = { kind: 'ecdsa', hash: 'sha256' } as const;

export interface ParsedAuthority extends ParsedCertificate {
  /** RFC 7638 thumbprint of its key. */
  readonly keyId: string;
}

const maxKept = 200;
const known = createGenerations<string, ParsedAuthority>(maxKept);

/** Reads a certificate of an authority. @throws CodedError `authority_certificate_invalid` */
export function parsed(der: Uint8Array): ParsedAuthority {
  const of = sha256Base64Url(der);
  const before = known.get(of);
  if (before !== undefined) return before;
  try {
    const certificate = readX509Certificate(der);
    const key = createPublicKey({ key: Buffer.from(certificate.publicKey), format: 'der', type: 'spki' });
    return known.keep(of, { ...certificate, keyId: thumbprintOf(key) });
  } catch (error) {
    throw certificateAuthorityErrors.error(
      'authority_certificate_invalid',
      `The certificate cannot be read.${isCodedError(error) ? ` ${error.detail}` : ''}`,
      { cause: error },
    );
  }
}

/** RFC 7638 thumbprint of an EC key. For other kinds a value that never equals one of our key ids. */
function thumbprintOf(key: KeyObject): string {
  const { kty, crv, x, y } = key.export({ format: 'jwk' });
  if (kty !== 'EC') return '';
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
}

/** SubjectPublicKeyInfo of a key, and the digest by which keys are compared. */
export function publicKeyOf(jwk: Jwk): { readonly encoding: Uint8Array; readonly digest: string } {
  const encoding = createPublicKey({ key: { ...jwk }, format: 'jwk' }).export({ format: 'der', type: 'spki' });
  return { encoding, digest: sha256Base64Url(encoding) };
}

export interface ReadRequest {
  /** SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  /** DER of the Name. */
  readonly subject: Uint8Array;
  readonly names: readonly { readonly kind: 'dns' | 'uri' | 'other'; readonly value: string }[];
  /** Common names in the requested subject. Certificates do not copy them. */
  readonly commonNames: readonly string[];
}

/** Reads a certificate request and verifies that its sender has the key. @throws CodedError `certificate_request_invalid` */
export function readRequest(der: Uint8Array): ReadRequest {
  try {
    const { publicKey, subject, subjectAltNames } = readCertificationRequest(der);
    return {
      publicKey,
      subject,
      commonNames: attributeTexts(subject, commonNameType),
      names: namesOf(subjectAltNames),
    };
  } catch (error) {
    if (!isCodedError(error)) throw error;
    if (error.code === 'key_weak')
      throw certificateAuthorityErrors.error('certificate_key_refused', error.detail, { cause: error });
    throw certificateAuthorityErrors.error('certificate_request_invalid', error.detail, { cause: error });
  }
}

const namesOf = (names: readonly GeneralName[]): ReadRequest['names'] =>
  names.map((name) =>
    name.kind === 'dns' || name.kind === 'uri'
      ? { kind: name.kind, value: name.text }
      : { kind: 'other', value: name.kind },
  );

/** A certificate that somebody presents. Nothing is verified. */
export interface PresentedLeaf extends Pick<ReadRequest, 'subject' | 'names'> {
  /** 32 hexadecimal digits, for a certificate of ours. */
  readonly serial: string;
  readonly toBeSigned: Uint8Array;
  /** Whether it was issued after an attestation of its workload. */
  readonly isAttested: boolean;
}

/** @returns undefined when it cannot be read */
export function readPresented(der: Uint8Array): PresentedLeaf | undefined {
  try {
    const certificate = readX509Certificate(der);
    const { subject, toBeSigned, extensions } = certificate;
    const isAttested = extensions.has(workloadExtension);
    const serial = BigInt(`0x${Buffer.from(certificate.serial).toString('hex')}`)
      .toString(16)
      .padStart(32, '0');
    return { serial, subject, toBeSigned, isAttested, names: namesOf(subjectAltNamesOf(certificate)) };
  } catch (error) {
    if (isCodedError(error)) return undefined;
    throw error;
  }
}

/** Whether a request names the subject and the names of a certificate, no more and no less (RFC 7030 section 4.2.2). */
export function namesTheSame(request: ReadRequest, certificate: PresentedLeaf): boolean {
  const listed = ({ names }: Pick<ReadRequest, 'names'>) =>
    JSON.stringify(names.map(({ kind, value }) => `${kind}:${value}`).toSorted());
  return sameDirectoryNames(request.subject, certificate.subject) && listed(request) === listed(certificate);
}

/** Certificates as EST answers with them. @returns DER of a certs-only CMS message */
export const bagOf = (certificates: readonly Uint8Array[]): Uint8Array => encodeCertificateBag(certificates);

/** What EST clients should write into a request (RFC 9908). @returns DER of CsrAttrs */
export function requestAttributes(expected: {
  /** The certificate that is renewed. */
  readonly renewed: PresentedLeaf | undefined;
  readonly choosesNames: boolean;
}): Uint8Array {
  const { renewed, choosesNames } = expected;
  if (renewed === undefined) return encodeRequestAttributes({ names: [], choosesNames });
  const names = renewed.names.flatMap(({ kind, value }) => (kind === 'other' ? [] : [{ kind, text: value } as const]));
  return encodeRequestAttributes({ subject: renewed.subject, names });
}

/** The addresses in a certificate: revocation list, OCSP responder, issuing authority. */
export interface Places {
  readonly list: string;
  readonly status: string;
  readonly authority: string;
}

export interface NewLeaf {
  /** 32 hexadecimal digits. */
  readonly serial: string;
  /** DER of the issuing authority's certificate. */
  readonly authority: Uint8Array;
  readonly profile: ReleasedProfile;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  readonly uri: string;
  readonly dnsNames: readonly string[];
  readonly holder: string;
  /** LEI. */
  readonly institution: string;
  readonly places: Places;
  readonly extension?: { readonly id: string; readonly text: string };
  readonly workload?: WorkloadStatement;
}

/** The to-be-signed certificate of a principal. */
export function buildLeaf(leaf: NewLeaf): Uint8Array {
  const { profile, authority: der, publicKey, uri, dnsNames, places, extension, workload } = leaf;
  const authority = parsed(der);
  const name = leaf.holder.slice(leaf.holder.indexOf(':') + 1);
  // ACME clients also renew for the common name, as a host name. A certificate for hosts must have no other.
  const commonName = dnsNames.length === 0 ? shortened(name) : dnsNames.find((host) => host.length <= 64);
  const extensions: NewExtensions = {
    basicConstraints: { authority: false },
    keyUsage: profile.keyUsage,
    extendedKeyUsage: { purposes: profile.extendedKeyUsage, critical: profile.extendedKeyUsageCritical },
    subjectAltName: [{ kind: 'uri', text: uri }, ...dnsNames.map((text) => ({ kind: 'dns', text }) as const)],
    subjectKeyIdentifier: keyIdentifierOf(publicKey),
    authorityKeyIdentifier: keyIdentifierOf(authority.publicKey),
    certificatePolicies: [profile.policy],
    ...(profile.revocation === 'none'
      ? { noRevAvail: true, authorityInfoAccess: { issuers: [places.authority] } }
      : {
          crlDistributionPoints: [places.list],
          authorityInfoAccess: { ocsp: [places.status], issuers: [places.authority] },
        }),
    others: [
      ...(extension === undefined ? [] : [{ id: extension.id, critical: false, value: derUtf8(extension.text) }]),
      ...(workload === undefined
        ? []
        : [{ id: workloadExtension, critical: false, value: encodeWorkloadExtension(workload) }]),
    ],
  };
  return buildTbsCertificate({
    serial: BigInt(`0x${leaf.serial}`),
    algorithm,
    issuer: authority.subject,
    // RFC 5280 section 4.1.2.6; the LEI in the form of ETSI EN 319 412-1 section 5.1.4.
    subject: encodeDirectoryName([
      ['organizationIdentifier', `LEIXG-${leaf.institution}`],
      ...(commonName === undefined ? [] : [['commonName', commonName] as const]),
    ]),
    notBefore: leaf.notBefore,
    notAfter: leaf.notAfter,
    publicKey,
    extensions,
  });
}

/** The to-be-signed certificate of an OCSP responder (RFC 6960 section 4.2.2.2). */
export function buildStatusCertificate(certificate: {
  readonly serial: string;
  readonly authority: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly organization: string;
  readonly notBefore: number;
  readonly notAfter: number;
}): Uint8Array {
  const { serial, publicKey, organization, notBefore, notAfter } = certificate;
  const authority = parsed(certificate.authority);
  return buildTbsCertificate({
    serial: BigInt(`0x${serial}`),
    ...{ algorithm, notBefore, notAfter, publicKey },
    issuer: authority.subject,
    subject: encodeDirectoryName([
      ['organizationName', shortened(organization)],
      ['commonName', 'OCSP responder'],
    ]),
    extensions: {
      basicConstraints: { authority: false },
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: { purposes: [usages.ocspSigning] },
      subjectKeyIdentifier: keyIdentifierOf(publicKey),
      authorityKeyIdentifier: keyIdentifierOf(authority.publicKey),
      certificatePolicies: [statusPolicy],
      ocspNoCheck: true,
    },
  });
}

/** DER of a certificate. @param signature r and s */
export function assemble(tbs: Uint8Array, signature: Uint8Array): Uint8Array {
  return assembleCertificate(tbs, { algorithm, signature });
}

/** Whether the signature of a certificate verifies with the authority's key. */
export function isSignedByAuthority(certificate: Uint8Array, authority: Uint8Array): boolean {
  try {
    const { toBeSigned, signature } = readX509Certificate(certificate);
    return verifySignature(parsed(authority).publicKey, scheme, toBeSigned, signature);
  } catch (error) {
    // A stored signature that was altered may not even be well-formed.
    if (isCodedError(error)) return false;
    throw error;
  }
}

const rehearsals = createGenerations<string, IssuanceCheck>(maxKept);

/**
 * Checks a to-be-signed certificate before a real key signs it: the rules for all certificates, and a rehearsal with
 * throw-away keys under the constraints of its authorities.
 * @param chain DER of the issuing authority's certificate, then of its root
 * @param now milliseconds since the epoch
 * @returns what is wrong, or undefined
 */
export function findLeafFault(tbs: Uint8Array, chain: readonly Uint8Array[], now: number): string | undefined {
  const of = chain.map((der) => sha256Base64Url(der)).join();
  const rehearsal = rehearsals.get(of) ?? rehearsals.keep(of, createIssuanceCheck(chain.map(parsed)));
  return rehearsal.findFaults(tbs, now)[0]?.detail;
}

const shortened = (organization: string): string => [...organization].slice(0, 64).join('');

/** The certificate request of an issuing authority. */
export function buildAuthorityRequest(
  { name, organization }: Pick<AuthorityRequest, 'name' | 'organization'>,
  jwk: Jwk,
  sign: Sign,
): Promise<Uint8Array> {
  return buildCertificationRequest({
    subject: encodeDirectoryName([
      ['organizationName', shortened(organization)],
      ['commonName', shortened(name)],
    ]),
    publicKey: publicKeyOf(jwk).encoding,
    ...{ algorithm, sign },
  });
}

/** What is wrong with the certificates of a ceremony; undefined when they match the request. */
export function findAuthorityFault(
  ceremony: CeremonyResult,
  expected: AuthorityLimits & { readonly key: Jwk; readonly at: number },
): string | undefined {
  const root = parsed(ceremony.root);
  const authority = parsed(ceremony.certificate);
  const { encoding } = publicKeyOf(expected.key);
  if (!sameOctets(authority.publicKey, encoding)) return 'The certificate is for another key.';
  if (!isIssued(root, root)) return 'The root certificate is not signed by its own key.';
  if (!isIssued(authority, root)) return 'The root did not sign the certificate of the authority.';
  for (const { notBefore, notAfter } of [root, authority])
    if (expected.at < notBefore || expected.at > notAfter) return 'A certificate has expired, or is not valid yet.';
  const wanted = readX509Certificate(
    assemble(
      buildTbsCertificate({
        ...{ serial: 1n, algorithm, issuer: root.subject, subject: authority.subject, publicKey: encoding },
        ...{ notBefore: authority.notBefore, notAfter: authority.notAfter },
        extensions: issuingExtensions(encoding, root.publicKey, expected),
      }),
      new Uint8Array(64).fill(1),
    ),
  );
  for (const id of limitingExtensions) {
    const [found, required] = [authority.extensions.get(id), wanted.extensions.get(id)];
    if (
      found === undefined ||
      required === undefined ||
      found.critical !== required.critical ||
      !sameOctets(found.value, required.value)
    )
      return `The extension ${id} differs from the one in the request. Repeat the ceremony with the requested constraints.`;
  }
  const others = [...authority.extensions].filter(([id, { critical }]) => critical && !wanted.extensions.has(id));
  return others.length === 0 ? undefined : 'The certificate has a critical extension that was not requested.';
}

function isIssued(certificate: ParsedCertificate, issuer: ParsedCertificate): boolean {
  return sameOctets(certificate.issuer, issuer.subject) && isIssuedBy(certificate, issuer);
}

const sameOctets = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;

/** A revocation list of one shard. A critical extension names its address, so that it cannot replace another list. */
export async function buildList(list: {
  /** DER of the authority's certificate. */
  readonly issuer: Uint8Array;
  readonly distributionPoint: string;
  readonly number: bigint;
  readonly entries: readonly { readonly serial: string; readonly at: number; readonly reason: RevocationReason }[];
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  readonly sign: Sign;
}): Promise<Uint8Array> {
  const { issuer, distributionPoint, number, entries, thisUpdate, nextUpdate, sign } = list;
  const authority = parsed(issuer);
  const tbs = buildTbsRevocationList({
    ...{ algorithm, number, thisUpdate, nextUpdate },
    issuer: authority.subject,
    authorityKeyIdentifier: keyIdentifierOf(authority.publicKey),
    scope: { distributionPoint, only: 'subscriber-certificates' },
    entries: entries.map(({ serial, at, reason }) => ({ serial: BigInt(`0x${serial}`), revokedAt: at, reason })),
  });
  return assembleRevocationList(tbs, { algorithm, signature: await sign(tbs) });
}

export interface ReadStatusRequest {
  readonly singles: readonly { readonly id: CertificateId; readonly serial: string }[];
  readonly nonce: Uint8Array | undefined;
}

/**
 * @param request DER, or the path of a GET (RFC 5019 section 5)
 * @returns undefined when it cannot be read
 */
export function readStatus(request: Uint8Array | string): ReadStatusRequest | undefined {
  try {
    const der = typeof request === 'string' ? decodeStatusRequestPath(request) : request;
    const { certificateIds, nonce } = readStatusRequest(der);
    const singles = certificateIds.map((id) => ({ id, serial: id.serial.toString(16).padStart(32, '0') }));
    return { singles, nonce };
  } catch (error) {
    if (isCodedError(error)) return undefined;
    throw error;
  }
}

/** Whether an OCSP request is about a certificate of this authority. */
export const isAbout = ({ id }: ReadStatusRequest['singles'][number], authority: Uint8Array): boolean =>
  isIssuerOf(id, parsed(authority));

export interface SingleStatus {
  readonly status: 'good' | 'revoked' | 'unknown';
  /** How long the answer is valid, in milliseconds. */
  readonly lifeMs?: number;
  readonly revokedAt?: number;
  readonly reason?: RevocationReason;
}

export async function answerOf(
  { singles, nonce }: ReadStatusRequest,
  statuses: readonly SingleStatus[],
  by: {
    readonly thisUpdate: number;
    readonly nextUpdate: number;
    /** DER of the responder's certificate. */
    readonly certificate: Uint8Array;
    readonly sign: Sign;
  },
): Promise<Uint8Array> {
  const { thisUpdate, nextUpdate, certificate, sign } = by;
  const data = buildStatusResponseData({
    responderKey: parsed(certificate).publicKey,
    producedAt: thisUpdate,
    responses: singles.map(({ id }, place) => {
      const { status = 'unknown', revokedAt = 0, reason } = statuses[place] ?? {};
      return {
        certificateId: id,
        status:
          status === 'revoked'
            ? { kind: 'revoked', at: revokedAt, ...(reason === undefined ? {} : { reason }) }
            : { kind: status },
        thisUpdate,
        nextUpdate,
      };
    }),
    ...(nonce === undefined ? {} : { nonce }),
  });
  return assembleStatusResponse(data, { algorithm, signature: await sign(data) }, [certificate]);
}

export const malformedAnswer = (): Uint8Array => encodeStatusFailure('malformedRequest');
export const unauthorizedAnswer = (): Uint8Array => encodeStatusFailure('unauthorized');
