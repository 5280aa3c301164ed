import { isCodedError } from '@countersign/kernel';
import type { ParsedCertificate } from '../certificates/certificate.ts';
import { type RevocationStatement, readRevocationList, statusInLists } from './revocation-list.ts';
import { readStatusResponse } from './status-response.ts';

/** Maximum size of a revocation list or OCSP response, in octets. */
export const maxRevocationOctets = 262_144;

export type RevocationVerdict =
  | { readonly ok: true; readonly revoked: boolean }
  | { readonly ok: false; readonly detail: string };

/**
 * Determines whether a certificate was revoked at a given time, from a revocation list (RFC 5280) or an OCSP response
 * (RFC 6960). Later statements are accepted, because they state when the certificate was revoked; statements that had
 * expired by then are not.
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
  if (der.length > maxRevocationOctets) return { ok: false, detail: 'The revocation statement is too long.' };
  let statement: RevocationStatement | undefined;
  try {
    if (kind === 'ocsp') statement = readStatusResponse(der, certificate.serial, issuer);
    else {
      const list = readRevocationList(der, { issuer });
      statement = list === undefined ? undefined : statusInLists([list], certificate);
    }
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return { ok: false, detail: error.detail };
  }
  if (statement === undefined)
    return {
      ok: false,
      detail: 'The revocation statement is not from the issuer, or does not cover this certificate.',
    };
  const { thisUpdate, nextUpdate, revokedAt } = statement;
  if (thisUpdate < at && (nextUpdate === undefined || nextUpdate < at))
    return { ok: false, detail: 'The revocation statement had expired at that time.' };
  return { ok: true, revoked: revokedAt !== undefined && revokedAt <= at };
}
