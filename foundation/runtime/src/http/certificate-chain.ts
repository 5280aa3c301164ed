import { X509Certificate } from 'node:crypto';
import { CodedError, isStrongKey } from '@countersign/kernel';
import { readCertificateDetails } from './certificate-details.ts';

// Node's `X509Certificate` (OpenSSL) compares names and verifies signatures as in a TLS handshake. `@countersign/x509` reads the
// properties that Node does not report; both must accept a certificate.

/** Maximum path length from the client's certificate to the authority, both included. */
const longestPath = 4;
const clientAuthentication = '1.3.6.1.5.5.7.3.2';
const anyExtendedKeyUsage = '2.5.29.37.0';

export function isInDate(certificate: X509Certificate, now: number): boolean {
  return isWithin(validityOf(certificate), now);
}

/** Validity in milliseconds since the epoch; the end is exclusive. */
export interface Validity {
  readonly from: number;
  readonly until: number;
}

export function validityOf(certificate: X509Certificate): Validity {
  return { from: Date.parse(certificate.validFrom), until: Date.parse(certificate.validTo) };
}

export function isWithin({ from, until }: Validity, now: number): boolean {
  return from <= now && now < until;
}

/**
 * Verifies a certificate chain that a proxy forwarded and that no handshake of ours has verified (RFC 5280 section 6). Checks a
 * path of at most four certificates from the client's own to a configured authority: strong signature algorithms, validity,
 * certification authorities that may issue at their depth, and a client certificate that permits client authentication. Chains
 * with name or policy constraints are refused; our own listener must verify those.
 * Revocation lists are not read: a certificate ends by its registration in the directory.
 *
 * @param authorities PEM, any number of certificates; without it no chain verifies
 * @throws CodedError `configuration_invalid` when `authorities` contains no certificate
 */
export function createChainVerifier(
  authorities: string | undefined,
): (der: Uint8Array, others: readonly Uint8Array[], now: number) => boolean {
  const anchors = authorities === undefined ? [] : readAuthorities(authorities);

  /** @param depth certificates below `subject` on the path */
  function leadsToAnchor(
    subject: X509Certificate,
    others: readonly X509Certificate[],
    depth: number,
    now: number,
  ): boolean {
    if (!isSound(subject, now) || (depth > 0 && !mayIssue(subject, depth - 1))) return false;
    if (depth + 2 > longestPath) return false;
    const isIssuer = (issuer: X509Certificate): boolean =>
      subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
    return (
      anchors.some((anchor) => isIssuer(anchor) && isSound(anchor, now) && mayIssue(anchor, depth)) ||
      others.some((other, index) => isIssuer(other) && leadsToAnchor(other, others.toSpliced(index, 1), depth + 1, now))
    );
  }

  return (der, others, now) => {
    try {
      const own = new X509Certificate(der);
      const intermediates = others.map((other) => new X509Certificate(other));
      return servesClients(own) && leadsToAnchor(own, intermediates, 0, now);
    } catch {
      // An unreadable certificate chains up to no authority. Code that uses it refuses it by its own check.
      return false;
    }
  };
}

/**
 * Whether the certificate is within its validity, strongly signed, and without critical extensions that are not supported here.
 */
function isSound(certificate: X509Certificate, now: number): boolean {
  const details = readCertificateDetails(certificate.raw);
  return isInDate(certificate, now) && hasStrongKey(certificate) && details.signedStrongly && !details.constrained;
}

/** False also for an unreadable key. */
export function hasStrongKey(certificate: X509Certificate): boolean {
  try {
    return isStrongKey(certificate.publicKey);
  } catch {
    return false;
  }
}

/**
 *
 * @param between number of certification authorities between this one and the client's certificate (RFC 5280 section 4.2.1.9)
 */
function mayIssue(certificate: X509Certificate, between: number): boolean {
  const { pathLength } = readCertificateDetails(certificate.raw);
  // As in a TLS handshake: an authority limited to servers cannot issue client certificates (CA/Browser Forum, and OpenSSL's
  // purposes).
  return certificate.ca && servesClients(certificate) && (pathLength === undefined || between <= pathLength);
}

function servesClients(certificate: X509Certificate): boolean {
  // Node's name for the extended key usage; undefined for a certificate without one, which permits any purpose.
  const usages: readonly string[] | undefined = certificate.keyUsage;
  return (
    usages === undefined || usages.some((usage) => usage === clientAuthentication || usage === anyExtendedKeyUsage)
  );
}

function readAuthorities(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    if (blocks.length > 0) return blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    throw unusable(cause);
  }
  throw unusable();
}

function unusable(cause?: unknown): Error {
  return new CodedError({
    code: 'configuration_invalid',
    category: 'invalid',
    detail: 'The client authorities must be one or more certificates in PEM.',
    cause,
  });
}
