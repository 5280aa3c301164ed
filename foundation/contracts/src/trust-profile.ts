import type { ProfileId, RecordId } from '@countersign/kernel';
import type { Lei } from '@countersign/market';

/** Everything that is accepted from one partner's identity provider. */
export interface TrustProfile {
  readonly id: ProfileId;
  readonly version: number;
  /** The issuer vouches for people of this institution; subjects of other institutions are refused. */
  readonly institution: Lei;
  readonly issuer: string;
  /** Only the federation gateway fetches it; same origin as the issuer. */
  readonly jwksUri: string;
  readonly algorithms: readonly ('ES256' | 'PS256' | 'EdDSA')[];
  /** Longest life of an assertion, `exp - iat`, in seconds; at most 300. */
  readonly maxLifetimeSeconds: number;
  /** Required claims, beside those that every assertion needs. */
  readonly requiredClaims: readonly string[];
  /** Accepted authentication context classes; an assertion with another or none is refused. */
  readonly acrValues: readonly string[];
  /** Maximum age of the sign-in, in seconds. */
  readonly maxAuthenticationAgeSeconds: number;
  /** Lets the partner's people sign in to our own pages at its provider; without it nobody can. */
  readonly signIn?: PartnerSignIn;
  /** One person has withdrawn trust. Nothing of this issuer is accepted until two people register a new profile. */
  readonly suspended?: true;
  readonly recordId: RecordId;
}

/** Sign-in to our pages at a partner's identity provider: we are its relying party (OpenID Connect Core). */
export type PartnerSignIn = {
  /** Our client id there. We authenticate with `private_key_jwt` and the keys of our key set. */
  readonly clientId: string;
  /**
   * Maps the partner's `acrValues` to our authentication context classes. A class without a mapping keeps its name, which is
   * sufficient only for tiers that ask for that name or for none.
   */
  readonly classes: Readonly<Record<string, string>>;
};

export type TrustProfileInput = Omit<TrustProfile, 'id' | 'version' | 'recordId' | 'suspended'>;
