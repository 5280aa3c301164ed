import { isCodedError } from '@countersign/kernel';
import { isIssuedBy, type ParsedCertificate } from '../certificates/certificate.ts';
import { type CertificateFault, findCertificateFault } from '../certificates/check-certificate.ts';
import { basicConstraintsOf, keyUsageBits, keyUsageOf } from '../certificates/extensions.ts';
import { sameOctets } from '../octets.ts';
import { hashOf } from '../signatures/verify-signature.ts';

/** Trust anchors: certificates, and public keys by the SHA-256 of their SubjectPublicKeyInfo. */
export interface CertificateTrust {
  readonly certificates: readonly ParsedCertificate[];
  /** 32 octets each. */
  readonly keys: readonly Uint8Array[];
}

export type PathVerdict =
  | { readonly ok: true; readonly path: readonly ParsedCertificate[] }
  | {
      readonly ok: false;
      readonly reason: 'expired' | 'untrusted' | 'malformed' | 'key_weak';
      readonly detail: string;
    };

const maxPathLength = 6;
/** Signatures verified for one answer, however many intermediates are given. */
const maxSignatures = 32;

/**
 * Finds a path from `leaf` to a trust anchor (RFC 5280 section 6.1, without policies and name constraints: certificates
 * that make these critical are refused). Every certificate must be valid at `at`. A trusted certificate needs no issuer.
 *
 * Revocation is not checked; see `verifyRevocation`.
 *
 * @param at milliseconds since the epoch
 */
export function findPath(
  leaf: ParsedCertificate,
  intermediates: readonly ParsedCertificate[],
  trust: CertificateTrust,
  at: number,
): PathVerdict {
  const candidates = [...trust.certificates, ...intermediates];
  let signatures = 0;
  let fault: CertificateFault | undefined;

  function isTrusted(certificate: ParsedCertificate): boolean {
    return (
      trust.certificates.some(({ encoding }) => sameOctets(encoding, certificate.encoding)) ||
      (trust.keys.length > 0 && isPinned(hashOf('sha256', certificate.publicKey)))
    );
  }
  function isPinned(hash: Uint8Array): boolean {
    return trust.keys.some((key) => sameOctets(key, hash));
  }

  function extendPath(
    below: readonly ParsedCertificate[],
    certificate: ParsedCertificate,
  ): ParsedCertificate[] | undefined {
    const found = findCertificateFault(certificate, at);
    if (found !== undefined) {
      fault ??= found;
      return undefined;
    }
    const path = [...below, certificate];
    if (isTrusted(certificate)) return path;
    if (path.length === maxPathLength) return undefined;
    for (const issuer of candidates) {
      if (!sameOctets(issuer.subject, certificate.issuer) || path.includes(issuer)) continue;
      if (!mayIssue(issuer, below.length) || ++signatures > maxSignatures) continue;
      const whole = isIssuedBy(certificate, issuer) ? extendPath(path, issuer) : undefined;
      if (whole !== undefined) return whole;
    }
    return undefined;
  }

  const path = extendPath([], leaf);
  if (path !== undefined) return { ok: true, path };
  return {
    ok: false,
    ...(fault === undefined ? untrusted : { reason: reasons[fault.reason], detail: fault.detail }),
  };
}

const untrusted = {
  reason: 'untrusted',
  detail: 'No path leads from the certificate to a trust anchor.',
} as const;
const reasons = {
  not_yet_valid: 'expired',
  expired: 'expired',
  extension_unknown: 'untrusted',
  key_weak: 'key_weak',
  malformed: 'malformed',
} as const;

/** @param authoritiesBelow number of authorities between the issuer and the leaf */
function mayIssue(issuer: ParsedCertificate, authoritiesBelow: number): boolean {
  try {
    const { authority, pathLength } = basicConstraintsOf(issuer);
    const usage = keyUsageOf(issuer);
    return (
      authority &&
      (pathLength === undefined || authoritiesBelow <= pathLength) &&
      (usage === undefined || usage.has(keyUsageBits.keyCertSign))
    );
  } catch (error) {
    if (isCodedError(error)) return false;
    throw error;
  }
}
