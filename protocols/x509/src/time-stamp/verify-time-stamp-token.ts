import { isCodedError } from '@countersign/kernel';
import { type ParsedCertificate, readX509Certificate } from '../certificates/certificate.ts';
import { extendedKeyUsageOf, keyUsageBits, keyUsageOf } from '../certificates/extensions.ts';
import { readSignedData, type SignedData } from '../cms/signed-data.ts';
import { matchesIdentifier, signingCertificateOf } from '../cms/signing-certificate.ts';
import { readDer, readObjectIdentifier, tags } from '../der/index.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import { sameOctets } from '../octets.ts';
import { type CertificateTrust, findPath } from '../path/find-path.ts';
import { hashNameOf, signatureSchemeOf } from '../signatures/algorithms.ts';
import { hashOf, verifySignature } from '../signatures/verify-signature.ts';
import { readTimeStampInfo, type TimeStampInfo } from './time-stamp-info.ts';

/** Maximum size of a token, in octets. A token with a path of RSA certificates has about 6,000. */
export const maxTokenOctets = 65_536;

/** Trust anchors. One match in either list is enough; if both are empty, no token is trusted. */
export interface TimeStampTrust {
  /** DER of certificates: of the time-stamping authority itself, or of an authority above it. */
  readonly certificates?: readonly Uint8Array[];
  /** SHA-256 of the DER of a SubjectPublicKeyInfo, 32 octets each. */
  readonly keys?: readonly Uint8Array[];
}

export interface TimeStampClaim {
  /** DER of the ContentInfo. */
  readonly token: Uint8Array;
  /** The expected digest: SHA-256, SHA-384 or SHA-512, as the token states. */
  readonly digest: Uint8Array;
  readonly trusted: TimeStampTrust;
  /** The nonce of the request; if absent, the nonce is not checked. */
  readonly nonce?: bigint;
  /** Accepted policies as object identifiers; if absent, every policy is accepted. */
  readonly policies?: readonly string[];
}

/** Content of a verified token. */
export interface VerifiedTimeStamp {
  /** RFC 3339 in UTC, with the fraction as encoded. The digest existed at this time, within the accuracy. */
  readonly time: string;
  /** The same in milliseconds since the epoch, rounded down. */
  readonly milliseconds: number;
  /** Absent if the token does not state it. */
  readonly accuracyMicroseconds?: number;
  /** Object identifier of the authority's policy. */
  readonly policy: string;
  /** Hexadecimal. */
  readonly serial: string;
  /** DER of the authority's certificate and of those above it, up to the trust anchor. */
  readonly path: readonly Uint8Array[];
}

export const timeStampReasons = [
  'timestamp_malformed',
  'timestamp_algorithm_unsupported',
  'timestamp_digest_mismatch',
  'timestamp_nonce_mismatch',
  'timestamp_policy_unexpected',
  'timestamp_certificate_missing',
  'timestamp_certificate_mismatch',
  'timestamp_certificate_purpose',
  'timestamp_certificate_expired',
  'timestamp_authority_untrusted',
  'timestamp_signature_invalid',
] as const;
export type TimeStampReason = (typeof timeStampReasons)[number];

export type TimeStampVerdict =
  | { readonly ok: true; readonly timeStamp: VerifiedTimeStamp }
  | { readonly ok: false; readonly reason: TimeStampReason; readonly detail: string };

type Failure = Extract<TimeStampVerdict, { ok: false }>;

/**
 * Verifies that a time-stamp token (RFC 3161 section 2.4.2, RFC 5816) covers this digest and is from a trusted authority.
 * Any token gives a verdict, in bounded time.
 *
 * Certificates must have been valid at the time that the token states. Revocation is not checked.
 *
 * @throws CodedError `certificate_malformed` when a trusted certificate cannot be read
 */
export function verifyTimeStampToken(claim: TimeStampClaim): TimeStampVerdict {
  const anchors = (claim.trusted.certificates ?? []).map(readX509Certificate);
  if (claim.token.length > maxTokenOctets) return failed('timestamp_malformed', 'The token is too long.');
  try {
    const signedData = readSignedData(claim.token);
    if (signedData.contentType !== oid.tstInfo)
      return failed('timestamp_malformed', 'The content is not a time stamp.');
    const info = readTimeStampInfo(signedData.content);
    return (
      checkClaim(info, claim) ??
      verifyAuthority(signedData, info, { certificates: anchors, keys: claim.trusted.keys ?? [] })
    );
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return error.code === 'algorithm_unsupported'
      ? failed('timestamp_algorithm_unsupported', error.detail)
      : failed('timestamp_malformed', error.detail);
  }
}

function checkClaim(info: TimeStampInfo, { digest, nonce, policies }: TimeStampClaim): Failure | undefined {
  if (!sameOctets(info.imprint.digest, digest))
    return failed('timestamp_digest_mismatch', 'The token is for another digest.');
  if (nonce !== undefined && info.nonce !== nonce)
    return failed(
      'timestamp_nonce_mismatch',
      'The token does not have the nonce of the request, so it may be an old one.',
    );
  if (policies !== undefined && !policies.includes(info.policy))
    return failed('timestamp_policy_unexpected', `The token was made under policy ${info.policy}.`);
  return undefined;
}

function verifyAuthority(signedData: SignedData, info: TimeStampInfo, trust: CertificateTrust): TimeStampVerdict {
  const found = findSigner(signedData, trust.certificates);
  if ('reason' in found) return found;
  const { certificate } = found;
  const failure = checkPurpose(certificate) ?? checkSignature(signedData, certificate);
  if (failure !== undefined) return failure;
  const verdict = findPath(certificate, signedData.certificates, trust, info.time.milliseconds);
  if (!verdict.ok) {
    const reason = verdict.reason === 'expired' ? 'timestamp_certificate_expired' : 'timestamp_authority_untrusted';
    return failed(reason, verdict.detail);
  }
  return {
    ok: true,
    timeStamp: {
      time: info.time.text,
      milliseconds: info.time.milliseconds,
      ...(info.accuracyMicroseconds === undefined ? {} : { accuracyMicroseconds: info.accuracyMicroseconds }),
      policy: info.policy,
      serial: info.serial.toString(16),
      path: verdict.path.map(({ encoding }) => encoding),
    },
  };
}

/** Finds the signer's certificate in the token or among the anchors. The token names it twice: beside the signature and in the signed attributes. */
function findSigner(
  { certificates, signer }: SignedData,
  anchors: readonly ParsedCertificate[],
): Failure | { readonly certificate: ParsedCertificate } {
  const identifier = signingCertificateOf(signer);
  if (identifier === undefined)
    return failed(
      'timestamp_certificate_mismatch',
      'The signed attributes do not name the certificate of the authority.',
    );
  const named = [...certificates, ...anchors].filter((certificate) => isNamedBy(signer.identifier, certificate));
  if (named.length === 0)
    return failed(
      'timestamp_certificate_missing',
      "The authority's certificate is neither in the token nor among the trusted ones.",
    );
  const certificate = named.find((candidate) => matchesIdentifier(candidate, identifier));
  return certificate === undefined
    ? failed(
        'timestamp_certificate_mismatch',
        'The signed attributes and the signer information name different certificates.',
      )
    : { certificate };
}

function isNamedBy(identifier: SignedData['signer']['identifier'], certificate: ParsedCertificate): boolean {
  if (identifier.kind === 'issuer-and-serial')
    return sameOctets(identifier.issuer, certificate.issuer) && sameOctets(identifier.serial, certificate.serial);
  const extension = certificate.extensions.get(oid.subjectKeyIdentifier);
  if (extension === undefined) return false;
  return sameOctets(readDer(extension.value).next(tags.octetString).content, identifier.keyIdentifier);
}

/** RFC 3161 section 2.3: time stamping is the only purpose, and critical. */
function checkPurpose(certificate: ParsedCertificate): Failure | undefined {
  const usage = keyUsageOf(certificate);
  const extended = extendedKeyUsageOf(certificate);
  const onlyTimeStamping = extended?.purposes.length === 1 && extended.purposes[0] === oid.timeStamping;
  const maySign =
    usage === undefined || usage.has(keyUsageBits.digitalSignature) || usage.has(keyUsageBits.nonRepudiation);
  return extended?.critical === true && onlyTimeStamping && maySign
    ? undefined
    : failed(
        'timestamp_certificate_purpose',
        'The certificate does not have time stamping as its only and critical purpose.',
      );
}

/** RFC 5652 sections 5.4 and 11: the attributes name content type and digest, and the signature covers the attributes. */
function checkSignature(
  { contentType, content, signer }: SignedData,
  certificate: ParsedCertificate,
): Failure | undefined {
  const digestName = hashNameOf(signer.digestAlgorithm);
  const scheme = signatureSchemeOf(signer.signatureAlgorithm, digestName);
  const [type, ...otherTypes] = signer.attributes.get(oid.contentType) ?? [];
  const [digest, ...otherDigests] = signer.attributes.get(oid.messageDigest) ?? [];
  const attributesMatch =
    type !== undefined &&
    digest !== undefined &&
    otherTypes.length + otherDigests.length === 0 &&
    readObjectIdentifier(readDer(type).next(tags.objectIdentifier)) === contentType &&
    sameOctets(readDer(digest).next(tags.octetString).content, hashOf(digestName, content));
  if (!attributesMatch)
    return failed('timestamp_signature_invalid', 'The signed attributes do not match the content of the token.');
  return verifySignature(certificate.publicKey, scheme, signer.signedAttributes, signer.signature)
    ? undefined
    : failed('timestamp_signature_invalid', "The signature does not verify with the authority's key.");
}

function failed(reason: TimeStampReason, detail: string): Failure {
  return { ok: false, reason, detail };
}

/**
 * DER of the certificates inside a token; none if the token cannot be read. They are untrusted: verifying a token against
 * its own certificates shows only that it is consistent.
 */
export function certificatesInToken(token: Uint8Array): readonly Uint8Array[] {
  if (token.length > maxTokenOctets) return [];
  try {
    return readSignedData(token).certificates.map(({ encoding }) => encoding);
  } catch (error) {
    if (isCodedError(error)) return [];
    throw error;
  }
}
