import { errorVocabulary, type ProfileId, type RecordId } from '@countersign/kernel';
import type { Lei } from '@countersign/market';
import type { Actor } from './audit-log.ts';

/** What we accept from one partner's identity provider, and nothing beside it. */
export interface TrustProfile {
  readonly id: ProfileId;
  readonly version: number;
  /** Whose people the issuer speaks for; subjects of other institutions are refused. */
  readonly institution: Lei;
  readonly issuer: string;
  /** Fetched by the federation gateway alone; same origin as the issuer. */
  readonly jwksUri: string;
  readonly algorithms: readonly ('ES256' | 'PS256' | 'EdDSA')[];
  /** Longest life of an assertion, `exp - iat`, in seconds; at most 300. */
  readonly maxLifetimeSeconds: number;
  /** Claims that must be present, beside those every assertion needs. */
  readonly requiredClaims: readonly string[];
  /** Accepted authentication context classes; an assertion with another or none is refused. */
  readonly acrValues: readonly string[];
  /** How old the sign-in may be, in seconds. */
  readonly maxAuthenticationAgeSeconds: number;
  /** Where its people may also sign in to our own pages there; nobody may when it is left out. */
  readonly signIn?: PartnerSignIn;
  readonly recordId: RecordId;
}

/** Sign-in to our pages at a partner's identity provider: we are its relying party (OpenID Connect Core). */
export type PartnerSignIn = {
  /** By which it knows us. We show who we are with `private_key_jwt`; our keys are those of our key set. */
  readonly clientId: string;
  /**
   * What its classes are worth here: for some of its `acrValues` the class that a sign-in has then. One that is not
   * named keeps its own name, which is enough only where a tier asks for that or for none.
   */
  readonly classes: Readonly<Record<string, string>>;
};

export type TrustProfileInput = Omit<TrustProfile, 'id' | 'version' | 'recordId'>;

export const trustErrors = errorVocabulary({
  profile_invalid: 'invalid',
  /** The issuer speaks for another institution already. */
  issuer_taken: 'conflict',
  partner_institution_unknown: 'invalid',
  /** The institution's LEI has lapsed or is retired: nobody may speak for it. */
  partner_institution_not_issued: 'forbidden',
});

export interface TrustRegistry {
  /**
   * Registers or replaces the profile of an issuer; a new version each time something differs, and no other is
   * ever overwritten.
   *
   * @param input a {@link TrustProfileInput}
   * @throws CodedError of {@link trustErrors}; `profile_invalid` lists its `problems` (path and detail) in its facts
   */
  register(input: unknown, by: Actor): Promise<TrustProfile>;
  /** The newest version; from memory. */
  profileOf(issuer: string): Promise<TrustProfile | undefined>;
  /** The newest version of each profile, by issuer. */
  list(): Promise<readonly TrustProfile[]>;
}
