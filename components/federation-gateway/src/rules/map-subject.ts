import type { DirectorySnapshot, Person, TrustProfile } from '@countersign/contracts';
import type { VerifiedClaims } from '@countersign/oauth';
import { textClaim } from '../claim.ts';
import { refuse } from '../refusal.ts';

/** An issuer vouches only for people of its own institution, whatever the directory maps. */
export function mapSubject(
  claims: VerifiedClaims,
  profile: TrustProfile,
  directory: DirectorySnapshot,
): { readonly person: Person; readonly subject: string } {
  const subject = textClaim(claims, 'sub', 512);
  const person = subject === undefined ? undefined : directory.federatedPerson(profile.issuer, subject);
  if (subject === undefined || person === undefined || person.institution !== profile.institution)
    throw refuse('assertion_subject_unknown', 'Its subject is not an active person at the institution of its issuer.');
  return { person, subject };
}
