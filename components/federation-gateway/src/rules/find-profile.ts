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
  trust: TrustRegistry,
  ourIssuer: string,
): Promise<TrustProfile> {
  const issuer = textClaim(unverifiedClaims, 'iss', 512);
  const profile = issuer === undefined || issuer === ourIssuer ? undefined : await trust.profileOf(issuer);
  if (profile === undefined) throw refuse('assertion_issuer_unknown', 'Its issuer has no trust profile here.');
  return profile;
}

/** Registered once does not mean in good standing now. */
export function checkInstitution({ institution }: TrustProfile, directory: DirectorySnapshot): void {
  if (!isInBusiness(directory.institution(institution)))
    throw refuse(
      'assertion_institution',
      'The LEI of the institution for which its issuer speaks was retired, or is not known here.',
    );
}
