import { isCodedError } from '@countersign/kernel';
import { signatureSchemeOf } from '../algorithms.ts';
import { hashOf, verifySignature } from '../crypto.ts';
import { sameOctets } from '../octets.ts';
import type { ParsedCertificate } from './certificate.ts';
import { type CertificateFault, faultOfCertificate } from './certificate-fault.ts';
import { basicConstraintsOf, keyUsageBits, keyUsageOf } from './extensions.ts';

/** Who is trusted: certificates, and public keys by the SHA-256 of their SubjectPublicKeyInfo. */
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
/** Signatures that are verified to find one path, whatever others have put beside the certificate. */
const maxSignatures = 32;

/**
 * A path from `leaf` to what is trusted, through certificates that came along (RFC 5280 section 6.1, without policies
 * and name constraints: a certificate that makes these critical is not passed). Every certificate must be valid at the
 * moment given. A certificate that is trusted itself needs nobody above it.
 *
 * It does not ask whether a certificate was revoked: that is for who has the lists of that time.
 *
 * @param at milliseconds since the epoch
 */
export function findPath(
  leaf: ParsedCertificate,
  others: readonly ParsedCertificate[],
  trust: CertificateTrust,
  at: number,
): PathVerdict {
  const candidates = [...trust.certificates, ...others];
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
  function isSignedBy(child: ParsedCertificate, issuer: ParsedCertificate): boolean {
    if (++signatures > maxSignatures) return false;
    const scheme = schemeOf(child);
    return scheme !== undefined && verifySignature(issuer.publicKey, scheme, child.toBeSigned, child.signature);
  }

  function from(certificate: ParsedCertificate, below: readonly ParsedCertificate[]): ParsedCertificate[] | undefined {
    const found = faultOfCertificate(certificate, at);
    if (found !== undefined) {
      fault ??= found;
      return undefined;
    }
    const path = [...below, certificate];
    if (isTrusted(certificate)) return path;
    if (path.length === maxPathLength) return undefined;
    for (const issuer of candidates) {
      if (!sameOctets(issuer.subject, certificate.issuer) || path.includes(issuer)) continue;
      if (!mayIssue(issuer, below.length) || !isSignedBy(certificate, issuer)) continue;
      const whole = from(issuer, path);
      if (whole !== undefined) return whole;
    }
    return undefined;
  }

  const path = from(leaf, []);
  if (path !== undefined) return { ok: true, path };
  return {
    ok: false,
    ...(fault === undefined ? nothingTrusted : { reason: reasons[fault.reason], detail: fault.detail }),
  };
}

const nothingTrusted = {
  reason: 'untrusted',
  detail: 'No path leads from the certificate to one that is trusted.',
} as const;
const reasons = {
  not_yet_valid: 'expired',
  expired: 'expired',
  extension_unknown: 'untrusted',
  key_weak: 'key_weak',
  malformed: 'malformed',
} as const;

/** @param authoritiesBelow how many certificates of authorities stand between it and the leaf */
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

function schemeOf(certificate: ParsedCertificate) {
  try {
    return signatureSchemeOf(certificate.signatureAlgorithm);
  } catch (error) {
    if (isCodedError(error)) return undefined;
    throw error;
  }
}
