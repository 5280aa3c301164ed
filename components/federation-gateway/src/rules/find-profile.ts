import { type DirectorySnapshot, isInBusiness, type TrustProfile, type TrustRegistry } from '@countersign/contracts';
import type { JsonObject } from '@countersign/oauth';
import { textClaim } from '../claim.ts';
import { refuse } from '../refusal.ts';

/**
 * The profile of the issuer that the assertion names, which is not believed before the signature is checked with
 * a key of that very issuer.
 *
 * @param ourIssuer what we issue ourselves does not come back as an assertion
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

/** Requires an issuer that is not suspended and an institution with an active LEI. */
export function checkInstitution({ institution, suspended }: TrustProfile, directory: DirectorySnapshot): void {
  if (suspended === true) throw refuse('assertion_issuer_suspended', 'Its issuer is not trusted here at present.');
  if (!isInBusiness(directory.institution(institution)))
    throw refuse(
      'assertion_institution',
      'The LEI of the institution for which its issuer speaks was retired, or is not known here.',
    );
}

/**
 * Asked once the partner has been heard, which takes as long as the partner likes: trust that was withdrawn or lessened meanwhile counts.
 */
export async function checkStillTrusted(
  { issuer, recordId }: TrustProfile,
  trust: Pick<TrustRegistry, 'profileOf'>,
  directory: DirectorySnapshot,
): Promise<void> {
  const now = await trust.profileOf(issuer);
  if (now !== undefined) checkInstitution(now, directory);
  if (now?.recordId !== recordId)
    throw refuse('assertion_profile_changed', 'The trust profile of its issuer was replaced meanwhile: try again.');
}
