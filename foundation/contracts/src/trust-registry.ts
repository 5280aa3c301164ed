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
  /** The issuer speaks for another institution already. */
  issuer_taken: 'conflict',
  partner_institution_unknown: 'invalid',
  /** The institution's LEI has lapsed or is retired: nobody may speak for it. */
  partner_institution_not_issued: 'forbidden',
  profile_not_found: 'not-found',
  /** Somebody else has changed the profile since it was read. */
  profile_changed_meanwhile: 'conflict',
});

/** What a profile would be made of, for whoever proposes and approves it. */
export interface PlannedProfile {
  /** Undefined where it would be as it is. */
  readonly change: DirectoryChange | undefined;
  readonly before?: { readonly [member: string]: Json };
  readonly after: { readonly [member: string]: Json };
  /** Of what is there now: the profile is replaced while it is still this. */
  readonly basis: Digest;
}

/** Carries out what two people have decided about profiles: for the change requests of the directory. */
export interface ProfileChanges {
  /** @throws CodedError of {@link trustErrors} for a profile that cannot be registered as things are now */
  plan(input: TrustProfileInput): Promise<PlannedProfile>;
  /**
   * Puts the profile into force.
   *
   * @param approval.record of the approval, which is durable
   * @param approval.settles what the record of the profile ends: it stands while the approval is not carried out
   * @throws CodedError of {@link trustErrors}, `profile_changed_meanwhile` among them
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
   * Registers or replaces the profile of an issuer; a new version each time something differs, and no other is
   * ever overwritten. What trusts a partner less than before counts at once; everything else waits for a second person as a change of
   * the directory ({@link Directory.approve}).
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
   * Withdraws trust at once. Trusting the issuer again takes two people, by {@link register}.
   *
   * @throws CodedError `profile_not_found`
   */
  suspend(id: ProfileId, by: Requester, reason: string): Promise<TrustProfile>;
  /** The newest version, which may be suspended; from memory. */
  profileOf(issuer: string): Promise<TrustProfile | undefined>;
  /** The newest version of each profile, by issuer. */
  list(): Promise<readonly TrustProfile[]>;
}
