import { type DirectorySnapshot, isInBusiness, type TrustProfile, type TrustRegistry } from '@countersign/contracts';
import type { JsonObject } from '@countersign/oauth';
import { textClaim } from '../claim.ts';
import { refuse } from '../refusal.ts';

/**
 * The named issuer is trusted only once a key of that issuer has verified the signature.
 *
 * @param ourIssuer our own tokens are not assertions
 */
export async function findProfile(
  unverifiedClaims: JsonObject,
  trust: Pick<TrustRegistry, 'profileOf'>,
  ourIssuer: string,
): Promise<TrustProfile> {
  const issuer = textClaim(unverifiedClaims, 'iss', 512);
  const profile = issuer === undefined || issuer === ourIssuer ? undefined : await trust.profileOf(issuer);
  if (profile === undefined) throw refuse('assertion_issuer_unknown', 'Its issuer has no trust profile here.');
  return profile;
}

/** Not suspended, with an active LEI. */
export function checkInstitution({ institution, suspended }: TrustProfile, directory: DirectorySnapshot): void {
  if (suspended === true) throw refuse('assertion_issuer_suspended', 'Its issuer is currently suspended.');
  if (!isInBusiness(directory.institution(institution)))
    throw refuse('assertion_institution', 'The institution of its issuer is unknown or its LEI is not active.');
}

/** Asked again after the partner has answered: trust that was withdrawn or reduced meanwhile counts. */
export async function checkStillTrusted(
  { issuer, recordId }: TrustProfile,
  trust: Pick<TrustRegistry, 'profileOf'>,
  directory: DirectorySnapshot,
): Promise<void> {
  const now = await trust.profileOf(issuer);
  if (now !== undefined) checkInstitution(now, directory);
  if (now?.recordId !== recordId)
    throw refuse('assertion_profile_changed', 'The trust profile of its issuer has changed. Try again.');
}
