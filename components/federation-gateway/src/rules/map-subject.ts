import type { DirectorySnapshot, Person, TrustProfile } from '@countersign/contracts';
import type { VerifiedClaims } from '@countersign/oauth';
import { textClaim } from '../claim.ts';
import { refuse } from '../refusal.ts';

/**
 * The person whom the directory knows under this issuer and subject. An issuer speaks for the people of its own
 * institution; that another's are mapped to it would be a mistake in the directory, and must not open a door.
 */
export function mapSubject(
  claims: VerifiedClaims,
  profile: TrustProfile,
  directory: DirectorySnapshot,
): { readonly person: Person; readonly subject: string } {
  const subject = textClaim(claims, 'sub', 512);
  const person = subject === undefined ? undefined : directory.federatedPerson(profile.issuer, subject);
  if (subject === undefined || person === undefined || person.institution !== profile.institution)
    throw refuse(
      'assertion_subject_unknown',
      'Its subject is nobody whom the directory knows at the institution of its issuer.',
    );
  return { person, subject };
}
