import { isCodedError } from '@countersign/kernel';
import { hashNameOf, signatureSchemeOf } from '../algorithms.ts';
import { type ParsedCertificate, readX509Certificate } from '../certificates/certificate.ts';
import { extendedKeyUsageOf, keyUsageBits, keyUsageOf } from '../certificates/extensions.ts';
import { type CertificateTrust, findPath } from '../certificates/find-path.ts';
import { readSignedData, type SignedData } from '../cms/signed-data.ts';
import { isIdentified, signingCertificateOf } from '../cms/signing-certificate.ts';
import { hashOf, verifySignature } from '../crypto.ts';
import { readDer } from '../der/der-reader.ts';
import { readObjectIdentifier } from '../der/read-values.ts';
import { tags } from '../der/tags.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import { sameOctets } from '../octets.ts';
import { readTimeStampInfo, type TimeStampInfo } from './time-stamp-info.ts';

/** Longest token that is read, in octets: an authority's path of RSA certificates has some 6,000. */
export const maxTokenOctets = 65_536;

/** Whose time stamps count. One of either is enough; nobody is trusted when both are empty. */
export interface TimeStampTrust {
  /** DER of certificates: of the authority itself, or of one that it leads up to. */
  readonly certificates?: readonly Uint8Array[];
  /** SHA-256 of the DER of the SubjectPublicKeyInfo of such a certificate: 32 octets. */
  readonly keys?: readonly Uint8Array[];
}

export interface TimeStampClaim {
  /** DER of the ContentInfo. */
  readonly token: Uint8Array;
  /** What must have been stamped: SHA-256, SHA-384 or SHA-512, as the token says. */
  readonly digest: Uint8Array;
  readonly trusted: TimeStampTrust;
  /** The nonce that was sent; absent, the token's is not looked at. */
  readonly nonce?: bigint;
  /** The policies that will do, as object identifiers; absent, any. */
  readonly policies?: readonly string[];
}

/** What a token that was verified says. */
export interface VerifiedTimeStamp {
  /** RFC 3339 in UTC, with the fraction as it was stated: the digest existed then, give or take the accuracy. */
  readonly time: string;
  /** The same in milliseconds since the epoch, rounded down. */
  readonly milliseconds: number;
  /** Where the token states it. */
  readonly accuracyMicroseconds?: number;
  /** Object identifier of the authority's policy. */
  readonly policy: string;
  /** In hexadecimal. */
  readonly serial: string;
  /** DER of the authority's certificate, and of those above it up to one that is trusted. */
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
 * Whether a time-stamp token (RFC 3161 section 2.4.2, RFC 5816) is over this digest and by an authority that is
 * trusted. Whatever the token holds, the answer is a verdict; the work is bounded.
 *
 * Certificates must have been valid at the time that the token states. Whether the authority's was revoked is not asked.
 *
 * @throws CodedError `certificate_malformed` when a trusted certificate is none
 */
export function verifyTimeStampToken(claim: TimeStampClaim): TimeStampVerdict {
  const anchors = (claim.trusted.certificates ?? []).map(readX509Certificate);
  if (claim.token.length > maxTokenOctets) return failed('timestamp_malformed', 'The token is too long.');
  try {
    const signedData = readSignedData(claim.token);
    if (signedData.contentType !== oid.tstInfo) return failed('timestamp_malformed', 'The content is no time stamp.');
    const info = readTimeStampInfo(signedData.content);
    return (
      saysWhatWasAsked(info, claim) ??
      verifyAuthority(signedData, info, { certificates: anchors, keys: claim.trusted.keys ?? [] })
    );
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return error.code === 'algorithm_unsupported'
      ? failed('timestamp_algorithm_unsupported', error.detail)
      : failed('timestamp_malformed', error.detail);
  }
}

function saysWhatWasAsked(info: TimeStampInfo, { digest, nonce, policies }: TimeStampClaim): Failure | undefined {
  if (!sameOctets(info.imprint.digest, digest))
    return failed('timestamp_digest_mismatch', 'The token is over another digest.');
  if (nonce !== undefined && info.nonce !== nonce)
    return failed('timestamp_nonce_mismatch', 'The token does not have the nonce that was sent: it may be an old one.');
  if (policies !== undefined && !policies.includes(info.policy))
    return failed('timestamp_policy_unexpected', `The token was made under policy ${info.policy}.`);
  return undefined;
}

function verifyAuthority(signedData: SignedData, info: TimeStampInfo, trust: CertificateTrust): TimeStampVerdict {
  const found = authorityOf(signedData, trust.certificates);
  if ('reason' in found) return found;
  const { certificate } = found;
  const failure = isForTimeStamps(certificate) ?? isSigned(signedData, certificate);
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

/** The certificate that the signer names twice: beside the signature, and under it. It may come from the reader. */
function authorityOf(
  { certificates, signer }: SignedData,
  anchors: readonly ParsedCertificate[],
): Failure | { readonly certificate: ParsedCertificate } {
  const identifier = signingCertificateOf(signer);
  if (identifier === undefined)
    return failed('timestamp_certificate_mismatch', 'The authority did not sign which certificate is its own.');
  const named = [...certificates, ...anchors].filter((certificate) => isNamedBy(signer.identifier, certificate));
  if (named.length === 0)
    return failed('timestamp_certificate_missing', "The authority's certificate is neither in the token nor trusted.");
  const certificate = named.find((candidate) => isIdentified(candidate, identifier));
  return certificate === undefined
    ? failed('timestamp_certificate_mismatch', 'The authority signed for another certificate than the one named.')
    : { certificate };
}

function isNamedBy(identifier: SignedData['signer']['identifier'], certificate: ParsedCertificate): boolean {
  if (identifier.kind === 'issuer-and-serial')
    return sameOctets(identifier.issuer, certificate.issuer) && sameOctets(identifier.serial, certificate.serial);
  const extension = certificate.extensions.get(oid.subjectKeyIdentifier);
  if (extension === undefined) return false;
  return sameOctets(readDer(extension.value).next(tags.octetString).content, identifier.keyIdentifier);
}

/** RFC 3161 section 2.3: that purpose alone, and critical. */
function isForTimeStamps(certificate: ParsedCertificate): Failure | undefined {
  const usage = keyUsageOf(certificate);
  const extended = extendedKeyUsageOf(certificate);
  const alone = extended?.purposes.length === 1 && extended.purposes[0] === oid.timeStamping;
  const signs =
    usage === undefined || usage.has(keyUsageBits.digitalSignature) || usage.has(keyUsageBits.nonRepudiation);
  return extended?.critical === true && alone && signs
    ? undefined
    : failed('timestamp_certificate_purpose', 'The certificate is not one for time stamps alone, and critically so.');
}

/** RFC 5652 sections 5.4 and 11: attributes name the content and its digest, the signature is over the attributes. */
function isSigned({ contentType, content, signer }: SignedData, certificate: ParsedCertificate): Failure | undefined {
  const digestName = hashNameOf(signer.digestAlgorithm);
  const scheme = signatureSchemeOf(signer.signatureAlgorithm, digestName);
  const [type, ...otherTypes] = signer.attributes.get(oid.contentType) ?? [];
  const [digest, ...otherDigests] = signer.attributes.get(oid.messageDigest) ?? [];
  const describes =
    type !== undefined &&
    digest !== undefined &&
    otherTypes.length + otherDigests.length === 0 &&
    readObjectIdentifier(readDer(type).next(tags.objectIdentifier)) === contentType &&
    sameOctets(readDer(digest).next(tags.octetString).content, hashOf(digestName, content));
  if (!describes) return failed('timestamp_signature_invalid', 'What was signed is not what the token holds.');
  return verifySignature(certificate.publicKey, scheme, signer.signedAttributes, signer.signature)
    ? undefined
    : failed('timestamp_signature_invalid', "The signature is not one by the authority's key.");
}

function failed(reason: TimeStampReason, detail: string): Failure {
  return { ok: false, reason, detail };
}
