import { isCodedError } from '@countersign/kernel';
import type { ParsedCertificate } from '../certificates/certificate.ts';
import { readRevocationList } from './revocation-list.ts';
import type { RevocationStatement } from './revocation-statement.ts';
import { readStatusResponse } from './status-response.ts';

/** Longest statement that is read, in octets. */
export const maxRevocationOctets = 262_144;

export type RevocationVerdict =
  | { readonly ok: true; readonly revoked: boolean }
  | { readonly ok: false; readonly detail: string };

/**
 * Whether a certificate had been revoked at a moment, by what its issuer said: a revocation list (RFC 5280) or an OCSP
 * response (RFC 6960). A statement made later tells as well, for it has the time of each revocation; one that had run
 * out by then tells nothing.
 *
 * @param at milliseconds since the epoch
 */
export function verifyRevocation(claim: {
  readonly kind: 'crl' | 'ocsp';
  readonly der: Uint8Array;
  readonly certificate: ParsedCertificate;
  readonly issuer: ParsedCertificate;
  readonly at: number;
}): RevocationVerdict {
  const { kind, der, certificate, issuer, at } = claim;
  if (der.length > maxRevocationOctets) return { ok: false, detail: 'The statement is too long.' };
  const read = kind === 'crl' ? readRevocationList : readStatusResponse;
  let statement: RevocationStatement | undefined;
  try {
    statement = read(der, certificate.serial, issuer);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return { ok: false, detail: error.detail };
  }
  if (statement === undefined)
    return { ok: false, detail: 'The statement is not a genuine one of the issuer about this certificate.' };
  const { from, until, revokedAt } = statement;
  if (from < at && (until === undefined || until < at))
    return { ok: false, detail: 'The statement had run out at that time.' };
  return { ok: true, revoked: revokedAt !== undefined && revokedAt <= at };
}
