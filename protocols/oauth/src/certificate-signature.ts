import { type CodedError, decodeBase64, isCodedError, type Json } from '@countersign/kernel';
import {
  type ParsedCertificate,
  type PathReason,
  publicKeyJwk,
  readStatusResponse,
  readX509Certificate,
  validatePath,
} from '@countersign/x509';
import { hasType, parseCompactJws, type UnverifiedJws, type VerifiedClaims, verifyJws } from './jws.ts';
import { importVerificationKey, type VerificationKey } from './key-cache.ts';

/** Below an arc of our own; see the profiles of the certificate authority. */
const arc = '1.2.840.113556.1.8000.2554.63629.32292.40421.17976.40884.11252332.3655321';
/** Extended key usage of keys that sign approvals. */
export const approvalUsage = `${arc}.2.1`;
/** Certificate policy of our certificates for approvals. */
export const approvalPolicy = `${arc}.1.5`;

/** Characters. A record holds the whole signature and has at most 65,535 octets. */
export const maxCertificateSignatureLength = 32_768;
const maxCertificates = 6;

/** Each caller has its own error code for each. */
export type CertificateSignatureProblem =
  | 'malformed'
  | 'signature'
  | 'untrusted'
  | 'expired'
  | 'usage'
  | 'key_weak'
  | 'policy'
  | 'revoked'
  | 'status_unknown';
export type CertificateSignatureRefusal = (problem: CertificateSignatureProblem, detail: string) => CodedError;

/**
 * A compact JWS by the key of a certificate, as a smart card makes it. Its header holds the certificates (`x5c`, RFC 7515
 * section 4.1.6) and an OCSP response for each of them below the trust anchor (`ocsp`, DER in base64). So it proves by itself that
 * the certificate was not revoked when it signed.
 */
export interface CertificateSignature {
  readonly jws: UnverifiedJws;
  readonly certificate: ParsedCertificate;
  /** In the order of the header. Untrusted. */
  readonly above: readonly ParsedCertificate[];
  readonly statuses: readonly Uint8Array[];
  readonly jwk: Readonly<Record<string, string>>;
  readonly key: VerificationKey;
}

/** Reads one; nothing is verified. @param type the accepted `typ` @throws the error of `refuse`: `malformed`, `key_weak` */
export function readCertificateSignature(
  text: string,
  type: string,
  refuse: CertificateSignatureRefusal,
): CertificateSignature {
  const jws = parseCompactJws(text, (_, detail) => refuse('malformed', detail), {
    certificateInHeader: true,
    maxLength: maxCertificateSignatureLength,
  });
  if (!hasType(jws.header, type)) throw refuse('malformed', `Its typ must be ${type}.`);
  const { x5c, ocsp = [] } = jws.header;
  const [certificate, ...above] = octetsIn(x5c, 'x5c', refuse).map((der) => readOne(der, refuse));
  if (certificate === undefined) throw refuse('malformed', 'Its x5c holds no certificate.');
  try {
    const jwk = publicKeyJwk(certificate.publicKey);
    const key = importVerificationKey(jwk);
    return { jws, certificate, above, statuses: octetsIn(ocsp, 'ocsp', refuse), jwk, key };
  } catch (error) {
    if (!isCodedError(error)) throw error;
    throw refuse('key_weak', `The key of the certificate cannot be used. ${error.detail}`);
  }
}

export interface CertificateSignatureTrust {
  readonly anchors: readonly ParsedCertificate[];
  /** Extended key usages, one of which the certificate must have. */
  readonly purposes: readonly string[];
  /** Policies, one of which must hold for the path. */
  readonly policies: readonly string[];
  /** When it is relied on, in milliseconds since the epoch. */
  readonly at: number;
  /** The greatest age of a statement about revocation; by default it is good until its own end. */
  readonly maxStatusAgeMs?: number;
}

export interface VerifiedCertificateSignature {
  readonly claims: VerifiedClaims;
  /** From the certificate to the anchor. */
  readonly path: readonly ParsedCertificate[];
}

/**
 * Verifies path, revocation and signature, in this order.
 *
 * @throws the error of `refuse`
 */
export function verifyCertificateSignature(
  signed: CertificateSignature,
  trust: CertificateSignatureTrust,
  refuse: CertificateSignatureRefusal,
): VerifiedCertificateSignature {
  const { certificate, above: intermediates } = signed;
  const verdict = validatePath(certificate, { ...trust, intermediates });
  if (!verdict.ok) throw refuse(problemOf[verdict.reason], verdict.detail);
  for (const [index, one] of verdict.path.slice(0, -1).entries()) {
    const issuer = verdict.path[index + 1];
    if (issuer !== undefined) requireGood(one, issuer, signed.statuses, trust, refuse);
  }
  const claims = verifyJws(signed.jws, signed.key, (_, detail) => refuse('signature', detail));
  return { claims, path: verdict.path };
}

const problemOf: Readonly<Record<PathReason, CertificateSignatureProblem>> = {
  malformed: 'untrusted',
  untrusted: 'untrusted',
  not_yet_valid: 'expired',
  expired: 'expired',
  extension_unknown: 'untrusted',
  key_weak: 'key_weak',
  not_authority: 'untrusted',
  path_too_long: 'untrusted',
  usage_wrong: 'usage',
  purpose_wrong: 'usage',
  name_constrained: 'untrusted',
  policy_missing: 'policy',
};

/** For clocks that differ, and for the time between the check and its record. */
const toleranceMs = 60_000;

function requireGood(
  certificate: ParsedCertificate,
  issuer: ParsedCertificate,
  statuses: readonly Uint8Array[],
  { at, maxStatusAgeMs = Number.POSITIVE_INFINITY }: CertificateSignatureTrust,
  refuse: CertificateSignatureRefusal,
): void {
  const serial = Buffer.from(certificate.serial).toString('hex');
  const statements = statuses.flatMap((der) => statementIn(der, certificate, issuer) ?? []);
  if (statements.some(({ revokedAt }) => revokedAt !== undefined))
    throw refuse('revoked', `The certificate ${serial} has been revoked by its authority.`);
  const recent = statements.some(
    ({ thisUpdate, nextUpdate = thisUpdate }) =>
      thisUpdate <= at + toleranceMs && at <= nextUpdate + toleranceMs && at - thisUpdate <= maxStatusAgeMs,
  );
  if (!recent)
    throw refuse(
      'status_unknown',
      `The signature has no recent statement of its authority (OCSP) that the certificate ${serial} is good. Sign again.`,
    );
}

function statementIn(der: Uint8Array, certificate: ParsedCertificate, issuer: ParsedCertificate) {
  try {
    return readStatusResponse(der, certificate.serial, issuer);
  } catch (error) {
    if (isCodedError(error)) return undefined;
    throw error;
  }
}

function octetsIn(list: Json | undefined, name: string, refuse: CertificateSignatureRefusal): readonly Uint8Array[] {
  if (!Array.isArray(list) || list.length > maxCertificates)
    throw refuse('malformed', `Its ${name} is not a list of at most ${maxCertificates}.`);
  return list.map((item: Json) => {
    const der = typeof item === 'string' ? decodeBase64(item) : undefined;
    if (der === undefined || der.length === 0) throw refuse('malformed', `Its ${name} holds more than DER in base64.`);
    return der;
  });
}

function readOne(der: Uint8Array, refuse: CertificateSignatureRefusal): ParsedCertificate {
  try {
    return readX509Certificate(der);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    throw refuse('malformed', `A certificate in its x5c cannot be read. ${error.detail}`);
  }
}
