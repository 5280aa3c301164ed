import { type Digest, errorVocabulary, type RecordId } from '@countersign/kernel';
import type { AuthorizationDetail, Lei } from '@countersign/market';
import type { Thumbprint } from '@countersign/oauth';
import type { PrincipalId } from './principals.ts';

/** A person as a partner vouches for them. Origin and assurance are kept, not flattened. */
export interface FederatedIdentity {
  readonly principal: PrincipalId;
  readonly institution: Lei;
  readonly issuer: string;
  readonly subject: string;
  readonly acr: string;
  readonly amr: readonly string[];
  /** Seconds since the epoch. */
  readonly authTime: number;
  /** For the single-use claim; the gateway does not consume the assertion, the token endpoint does. */
  readonly assertionId: string;
  /** Seconds since the epoch; the assertion is refused from then on, so a claim of its id may be forgotten a little later. */
  readonly expiresAt: number;
  /** Names of the claims that the assertion had, sorted. */
  readonly claims: readonly string[];
  /** What the assertion holds itself to, where it does: it is an authorization grant, and gives no more than this. */
  readonly limits?: AssertionLimits;
  readonly provenance: {
    readonly profile: string;
    readonly profileVersion: number;
    readonly profileRecord: RecordId;
    readonly kid: string;
    /** RFC 7638 thumbprint of the key: a `kid` is a name that the partner gives. */
    readonly thumbprint: Thumbprint;
    readonly assertionDigest: Digest;
  };
}

/** Limits of a grant that another authorization server has issued (identity chaining), as it names them. */
export interface AssertionLimits {
  /** Empty when it limits nothing by scope. */
  readonly scope: readonly string[];
  /** Empty when it limits nothing by resource. */
  readonly resources: readonly string[];
  readonly authorizationDetails?: readonly AuthorizationDetail[];
  /** Who has acted for the person so far, current actor first: principals of the issuer's own institution. */
  readonly actors: readonly PrincipalId[];
  /** RFC 7638 thumbprint of the key of which whoever presents it must show possession. */
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
  /** The trust profile was replaced while the partner was asked: whoever tries again is judged by the new one. */
  assertion_profile_changed: 'invalid',
  assertion_algorithm: 'invalid',
  assertion_key_unknown: 'invalid',
  /** The partner publishes another key under a `kid` than before. */
  assertion_key_changed: 'invalid',
  assertion_signature: 'invalid',
  assertion_audience: 'invalid',
  assertion_expired: 'invalid',
  assertion_not_yet_valid: 'invalid',
  assertion_lifetime: 'invalid',
  assertion_claim_missing: 'invalid',
  /** Its `client_id` claim names another client than the one that presents it. */
  assertion_client: 'invalid',
  assertion_assurance: 'invalid',
  assertion_stale_sign_in: 'invalid',
  assertion_subject_unknown: 'invalid',
  /** Its `act` chain names somebody who is no principal of the issuer's institution. */
  assertion_actor_unknown: 'invalid',
  /** It names one of its issuer's tenants, which do not exist here: its subject could be anybody's. */
  assertion_tenant: 'invalid',
  partner_keys_unavailable: 'unavailable',
  /** Its nonce is not that of the request that it answers. */
  assertion_nonce: 'invalid',
  /** The issuer has no trust profile, or none that lets people sign in there. */
  partner_sign_in_not_offered: 'not-found',
  /** It did not sign the person in, and says so. */
  partner_sign_in_denied: 'forbidden',
  /** It answered something else than what was asked, or another issuer did. */
  partner_sign_in_answer: 'invalid',
  /** Its metadata or its token endpoint cannot be had, or are not what they must be. */
  partner_unavailable: 'unavailable',
});

export interface FederationGateway {
  /**
   * Checks a partner's JWT assertion (RFC 7523 section 3) under the trust profile of its issuer.
   *
   * A refusal is recorded here (`identity.refused`) before it is thrown. An acceptance is recorded by the token
   * endpoint (`identity.accepted`), which claims the assertion and knows the client; it is not recorded twice.
   *
   * The caller keeps to the {@link FederatedIdentity.limits | limits}, possession of the key that they name included.
   *
   * @param audience our issuer identifier, the only audience accepted
   * @param client id of the authenticated client that presents it. An assertion that is bound to a client by a
   *   `client_id` claim is refused for any other, and when none is named.
   * @throws CodedError of {@link federationErrors}, or of the audit log when a refusal could not be recorded
   */
  acceptAssertion(assertion: string, audience: string, client?: string): Promise<FederatedIdentity>;
}

/** A sign-in at a partner's identity provider that is under way: for whoever began it to keep, and for nobody to see. */
export interface PartnerSignInUnderWay {
  readonly issuer: string;
  readonly redirectUri: string;
  readonly nonce: string;
  readonly codeVerifier: string;
}

/** Who signed in there. Origin and assurance are kept; `acr` is what it is worth here. */
export interface PartnerSignedIn
  extends Pick<
    FederatedIdentity,
    'principal' | 'institution' | 'issuer' | 'subject' | 'amr' | 'authTime' | 'provenance'
  > {
  readonly acr: string;
  /** As the partner calls it. */
  readonly partnerAcr: string;
}

/** Sign-in to our own pages at partners: the code flow of OpenID Connect with PKCE, as a relying party. */
export interface PartnerSignIns {
  /**
   * Where to send the browser.
   *
   * @param request.state comes back with the answer; who asks keeps it to itself and to the browser
   * @param request.acrValues classes in our terms of which the sign-in should have one; every class when empty
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
   * Takes what the browser brought back: redeems the code, checks the ID token under the trust profile as it is now, and
   * records what came of it (`identity.accepted`, `identity.refused`) before it is told.
   *
   * @param answer the parameters at the redirect URI; that its `state` is ours the caller has seen
   * @throws CodedError of {@link federationErrors}
   */
  complete(underWay: PartnerSignInUnderWay, answer: ReadonlyMap<string, string>): Promise<PartnerSignedIn>;
}
