import { isCodedError } from '@countersign/kernel';
import { readPublicKey } from '../signatures/public-key.ts';
import type { ParsedCertificate } from './certificate.ts';
import { comparableRelativeNames } from './directory-name.ts';
import { findUnsupportedExtension } from './extensions.ts';
import { subjectAltNamesOf } from './general-names.ts';
import { findNoRevAvailFault } from './revocation-sources.ts';

export interface CertificateFault {
  readonly reason: 'malformed' | 'not_yet_valid' | 'expired' | 'extension_unknown' | 'key_weak';
  readonly detail: string;
}

/**
 * Finds a fault that excludes a certificate from every path: validity, unsupported critical
 * extensions, malformed names, weak or unsupported keys. Applies to every certificate of a path, the leaf included.
 *
 * @param at milliseconds since the epoch
 * @param alsoSupported critical extensions that the caller handles
 */
export function findCertificateFault(
  certificate: ParsedCertificate,
  at: number,
  alsoSupported?: ReadonlySet<string>,
): CertificateFault | undefined {
  if (at < certificate.notBefore)
    return { reason: 'not_yet_valid', detail: 'A certificate of the path is not yet valid.' };
  if (at > certificate.notAfter) return { reason: 'expired', detail: 'A certificate of the path has expired.' };
  const unsupported = findUnsupportedExtension(certificate, alsoSupported);
  if (unsupported !== undefined)
    return {
      reason: 'extension_unknown',
      detail: `A certificate of the path has the unsupported critical extension ${unsupported}.`,
    };
  try {
    comparableRelativeNames(certificate.issuer);
    comparableRelativeNames(certificate.subject);
    subjectAltNamesOf(certificate);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return { reason: 'malformed', detail: `A certificate of the path has a malformed name. ${error.detail}` };
  }
  const contradiction = findContradiction(certificate);
  if (contradiction !== undefined)
    return { reason: 'malformed', detail: `A certificate of the path contradicts itself: ${contradiction}.` };
  try {
    readPublicKey(certificate.publicKey);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    const reason = error.code === 'der_malformed' ? 'malformed' : 'key_weak';
    return { reason, detail: `A certificate of the path has an unacceptable key. ${error.detail}` };
  }
  return undefined;
}

function findContradiction(certificate: ParsedCertificate): string | undefined {
  try {
    return findNoRevAvailFault(certificate);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return error.detail;
  }
}
