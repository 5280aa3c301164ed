import type { ProfileId, RecordId } from '@countersign/kernel';
import type { Lei } from '@countersign/market';

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
  /** One person has withdrawn trust: nothing of this issuer is accepted until two people register a profile anew. */
  readonly suspended?: true;
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

export type TrustProfileInput = Omit<TrustProfile, 'id' | 'version' | 'recordId' | 'suspended'>;
