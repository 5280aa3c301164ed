import {
  type ChangeId,
  type Digest,
  errorVocabulary,
  type Json,
  type ProfileId,
  type RecordId,
} from '@countersign/kernel';
import type { Actor } from './audit-log.ts';
import type { DirectoryChange, DirectoryChangeRequest } from './directory.ts';
import type { Requester } from './requester.ts';
import type { TrustProfile, TrustProfileInput } from './trust-profile.ts';

export const trustErrors = errorVocabulary({
  profile_invalid: 'invalid',
  /** The issuer already has a profile for another institution. */
  issuer_taken: 'conflict',
  partner_institution_unknown: 'invalid',
  /** The institution's LEI is lapsed or retired, so no issuer may vouch for its people. */
  partner_institution_not_issued: 'forbidden',
  profile_not_found: 'not-found',
  /** Somebody else has changed the profile since it was read. */
  profile_changed_meanwhile: 'conflict',
});

/** The planned effect of a profile, for proposer and approver. */
export interface PlannedProfile {
  /** Undefined when nothing would change. */
  readonly change: DirectoryChange | undefined;
  readonly before?: { readonly [member: string]: Json };
  readonly after: { readonly [member: string]: Json };
  /** Digest of the present profile. The change applies only while the profile still has this digest. */
  readonly basis: Digest;
}

/** Applies profile changes that two people have approved, for the change requests of the directory. */
export interface ProfileChanges {
  /**
   *
   * @throws CodedError of {@link trustErrors} for a profile that cannot be registered at present
   */
  plan(input: TrustProfileInput): Promise<PlannedProfile>;
  /**
   * Activates the profile.
   *
   * @param approval.record the durable record of the approval
   * @param approval.settles the standing that the profile's record ends; it is in force until the approval is carried out
   * @throws CodedError of {@link trustErrors}, including `profile_changed_meanwhile`
   */
  carryOut(
    input: TrustProfileInput,
    by: Actor,
    approval: {
      readonly basis: Digest;
      readonly change: ChangeId;
      readonly proposedBy: string;
      readonly reason: string;
      readonly record: RecordId;
      readonly settles: string;
    },
  ): Promise<TrustProfile>;
}

export interface TrustRegistry {
  /**
   * Registers or replaces an issuer's profile. Every difference makes a new version; versions are never overwritten. A change
   * that only reduces trust takes effect at once. Any other change waits for a second person as a change of the directory ({@link
   * Directory.approve}).
   *
   * @param input a {@link TrustProfileInput}
   * @throws CodedError of {@link trustErrors}; `profile_invalid` lists its `problems` (path and detail) in its facts
   */
  register(
    input: unknown,
    by: Requester,
    reason: string,
  ): Promise<{ readonly profile: TrustProfile } | { readonly proposed: DirectoryChangeRequest }>;
  /**
   * Suspends trust at once. Restoring it takes two people, through {@link register}.
   *
   * @throws CodedError `profile_not_found`
   */
  suspend(id: ProfileId, by: Requester, reason: string): Promise<TrustProfile>;
  /** The newest version, possibly suspended; from memory. */
  profileOf(issuer: string): Promise<TrustProfile | undefined>;
  /** The newest version of each profile, by issuer. */
  list(): Promise<readonly TrustProfile[]>;
}
