import { type Digest, errorVocabulary, type RecordId } from '@countersign/kernel';
import type { AuthorizationDetail, Lei } from '@countersign/market';
import type { Thumbprint } from '@countersign/oauth';
import type { PrincipalId } from './principals.ts';

/** A person for whom a partner vouches. Issuer and original assurance are preserved. */
export interface FederatedIdentity {
  readonly principal: PrincipalId;
  readonly institution: Lei;
  readonly issuer: string;
  readonly subject: string;
  readonly acr: string;
  readonly amr: readonly string[];
  /** Seconds since the epoch. */
  readonly authTime: number;
  /** Assertion id for the single-use claim. The token endpoint claims it, not the gateway. */
  readonly assertionId: string;
  /** Seconds since the epoch; later presentations are refused, so the claim of its id may be deleted a little later. */
  readonly expiresAt: number;
  /** Sorted names of the claims in the assertion. */
  readonly claims: readonly string[];
  /** Limits in the assertion, if it is an authorization grant; the caller must grant nothing beyond them. */
  readonly limits?: AssertionLimits;
  readonly provenance: {
    readonly profile: string;
    readonly profileVersion: number;
    readonly profileRecord: RecordId;
    readonly kid: string;
    /** RFC 7638 thumbprint of the key. The `kid` alone is not sufficient, because the partner chooses it. */
    readonly thumbprint: Thumbprint;
    readonly assertionDigest: Digest;
  };
}

/** Limits of a grant that another authorization server issued (identity chaining). */
export interface AssertionLimits {
  /** Empty: no limit by scope. */
  readonly scope: readonly string[];
  /** Empty: no limit by resource. */
  readonly resources: readonly string[];
  readonly authorizationDetails?: readonly AuthorizationDetail[];
  /** The acting chain so far, current actor first: principals of the issuer's own institution. */
  readonly actors: readonly PrincipalId[];
  /** RFC 7638 thumbprint of the key whose possession the presenter must prove. */
  readonly jkt?: Digest;
}

export const federationErrors = errorVocabulary({
  assertion_malformed: 'invalid',
  assertion_type: 'invalid',
  assertion_issuer_unknown: 'invalid',
  /** The LEI of the partner's institution has lapsed or is retired. */
  assertion_institution: 'invalid',
  /** Trust in its issuer was withdrawn. */
  assertion_issuer_suspended: 'invalid',
  /** The trust profile was replaced during the exchange with the partner. A retry uses the new profile. */
  assertion_profile_changed: 'invalid',
  assertion_algorithm: 'invalid',
  assertion_key_unknown: 'invalid',
  /** The partner published a different key under a known `kid`. */
  assertion_key_changed: 'invalid',
  assertion_signature: 'invalid',
  assertion_audience: 'invalid',
  assertion_expired: 'invalid',
  assertion_not_yet_valid: 'invalid',
  assertion_lifetime: 'invalid',
  assertion_claim_missing: 'invalid',
  /** Its `client_id` claim names a client other than the presenter. */
  assertion_client: 'invalid',
  assertion_assurance: 'invalid',
  assertion_stale_sign_in: 'invalid',
  assertion_subject_unknown: 'invalid',
  /** Its `act` chain contains an actor that is no principal of the issuer's institution. */
  assertion_actor_unknown: 'invalid',
  /** It names a tenant of its issuer. Tenants are not supported, and subjects are unique only within one. */
  assertion_tenant: 'invalid',
  partner_keys_unavailable: 'unavailable',
  /** Its nonce differs from the nonce of the request. */
  assertion_nonce: 'invalid',
  /** The issuer has no trust profile, or its profile does not permit sign-in. */
  partner_sign_in_not_offered: 'not-found',
  /** The partner reported that it did not sign the person in. */
  partner_sign_in_denied: 'forbidden',
  /** The response does not match the request, or comes from another issuer. */
  partner_sign_in_answer: 'invalid',
  /** Its metadata or token endpoint is unavailable or invalid. */
  partner_unavailable: 'unavailable',
});

export interface FederationGateway {
  /**
   * Checks a partner's JWT assertion (RFC 7523 section 3) under the trust profile of its issuer.
   * The gateway records a refusal (`identity.refused`) before it throws. The token endpoint records an acceptance
   * (`identity.accepted`), because it claims the assertion and knows the client.
   * The caller must enforce the {@link FederatedIdentity.limits | limits}, including possession of the key that they name.
   *
   * @param audience our issuer identifier, the only audience accepted
   * @param client id of the authenticated client that presents it. An assertion with a `client_id` claim is refused for any other
   * client, and when `client` is absent.
   * @throws CodedError of {@link federationErrors}, or of the audit log when a refusal could not be recorded
   */
  acceptAssertion(assertion: string, audience: string, client?: string): Promise<FederatedIdentity>;
}

/** State of a pending sign-in at a partner's identity provider. The initiator stores it and must keep it secret. */
export interface PartnerSignInUnderWay {
  readonly issuer: string;
  readonly redirectUri: string;
  readonly nonce: string;
  readonly codeVerifier: string;
}

/** A person who signed in at a partner. Origin and assurance are preserved; `acr` is the equivalent class here. */
export interface PartnerSignedIn
  extends Pick<
    FederatedIdentity,
    'principal' | 'institution' | 'issuer' | 'subject' | 'amr' | 'authTime' | 'provenance'
  > {
  readonly acr: string;
  /** The partner's own name of the class. */
  readonly partnerAcr: string;
}

/** Sign-in to our own pages at partners: the code flow of OpenID Connect with PKCE, as a relying party. */
export interface PartnerSignIns {
  /**
   * Starts a sign-in and returns the URL to send the browser to.
   *
   * @param request.state returned with the response; only the caller and the browser may know it
   * @param request.acrValues classes in our terms, one of which the sign-in should have; any class when empty
   * @param request.notBefore the person must have signed in at this time or later, in seconds since the epoch
   * @throws CodedError `partner_sign_in_not_offered`, `partner_unavailable`
   */
  begin(request: {
    readonly issuer: string;
    readonly redirectUri: string;
    readonly state: string;
    readonly acrValues: readonly string[];
    readonly notBefore?: number;
  }): Promise<{ readonly location: string; readonly underWay: PartnerSignInUnderWay }>;
  /**
   * Completes the sign-in: redeems the code and checks the ID token under the current trust profile. Records the result
   * (`identity.accepted`, `identity.refused`) before returning it.
   *
   * @param answer the parameters at the redirect URI; the caller has already checked that `state` matches
   * @throws CodedError of {@link federationErrors}
   */
  complete(underWay: PartnerSignInUnderWay, answer: ReadonlyMap<string, string>): Promise<PartnerSignedIn>;
}
