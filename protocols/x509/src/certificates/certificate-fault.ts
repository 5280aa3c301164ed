import { isCodedError } from '@countersign/kernel';
import { comparableRelativeNames } from '../path/directory-name.ts';
import { subjectAltNamesOf } from '../path/general-names.ts';
import type { ParsedCertificate } from './certificate.ts';
import { strangeCriticalExtension } from './extensions.ts';
import { readPublicKey } from './public-key.ts';

export interface CertificateFault {
  readonly reason: 'malformed' | 'not_yet_valid' | 'expired' | 'extension_unknown' | 'key_weak';
  readonly detail: string;
}

/**
 * Why a certificate may stand on no path, whoever issued it: one that is not valid at this moment, has a critical
 * extension that is not understood, a name that is none, or a key that is weak or of no kind that is verified with here.
 * Every path that is looked for asks it of each of its certificates, the last one too, whose key signs elsewhere.
 *
 * @param at milliseconds since the epoch
 * @param also critical extensions that the caller understands beside the usual ones
 */
export function faultOfCertificate(
  certificate: ParsedCertificate,
  at: number,
  also?: ReadonlySet<string>,
): CertificateFault | undefined {
  if (at < certificate.notBefore)
    return { reason: 'not_yet_valid', detail: 'A certificate of the path is not valid yet.' };
  if (at > certificate.notAfter) return { reason: 'expired', detail: 'A certificate of the path has expired.' };
  const strange = strangeCriticalExtension(certificate, also);
  if (strange !== undefined)
    return { reason: 'extension_unknown', detail: `A certificate of the path has the critical extension ${strange}.` };
  try {
    comparableRelativeNames(certificate.issuer);
    comparableRelativeNames(certificate.subject);
    subjectAltNamesOf(certificate);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return { reason: 'malformed', detail: `A certificate of the path has a name that is malformed. ${error.detail}` };
  }
  try {
    readPublicKey(certificate.publicKey);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    const reason = error.code === 'der_malformed' ? 'malformed' : 'key_weak';
    return { reason, detail: `A certificate of the path has a key that does not count. ${error.detail}` };
  }
  return undefined;
}
