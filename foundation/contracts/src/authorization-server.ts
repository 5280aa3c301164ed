import { type Digest, errorVocabulary, type MandateId, type TransactionId } from '@countersign/kernel';
import type { TokenDetail } from '@countersign/market';
import {
  type AccessTokenClaims,
  type AuthorizationServerMetadata,
  accessTokenErrors,
  proofErrors,
  type ResourceRequest,
  type RevocableClaims,
} from '@countersign/oauth';
import type { Actor } from './audit-log.ts';
import type { EmergencyTokens } from './break-glass.ts';

/** Who calls one of our own interfaces, after token and proof have been checked. */
export interface Caller {
  /** Principal id of the token's subject. */
  readonly subject: string;
  readonly client: string;
  /** LEI for which the subject acts. */
  readonly institution: string;
  /** Principal ids of the acting chain, current actor first; empty when the subject acts itself. */
  readonly actors: readonly string[];
  readonly scope: readonly string[];
  readonly tokenId: string;
  readonly transaction?: TransactionId;
  readonly mandate?: { readonly id: MandateId; readonly version: number };
  readonly intentDigest?: Digest;
  readonly authorizationDetails: readonly TokenDetail[];
  /** How, and when (seconds since the epoch), the subject signed in; for a person whose token says so. */
  readonly acr?: string;
  readonly authTime?: number;
}

/** The caller as records name who acts. */
export function actorOf({ subject, institution }: Pick<Caller, 'subject' | 'institution'>): Required<Actor> {
  return { id: subject, institution };
}

/** What a guard needs of a request; every HTTP framework can supply it. */
export interface GuardedRequest extends ResourceRequest {
  /** One of which nobody says that it chains up to an authority does not. */
  readonly certificate?: Pick<PresentedCertificate, 'der'> & Partial<PresentedCertificate>;
  /** Source address as our listener saw it, for records. */
  readonly address?: string;
  /** Network zone of the listener, for records. */
  readonly zone?: string;
}

/** Checks that a caller may use one of our own interfaces. Token and DPoP proof are both required (RFC 9449). */
export interface ResourceGuard {
  /** @throws CodedError of {@link accessErrors} */
  check(request: GuardedRequest, need: { readonly scope: string }): Promise<Caller>;
}

/** What of a token decides whether it is still good. It was verified once; nobody is let in by these claims alone. */
export type LastingToken = RevocableClaims & Pick<AccessTokenClaims, 'exp'>;

/** A caller who is answered for longer than a moment. */
export interface LastingCaller {
  readonly caller: Caller;
  /** For {@link LastingGuard.stands}. */
  readonly token: LastingToken;
}

/** A guard of interfaces with answers that last: a stream does not outlive the token that it was asked for with. */
export interface LastingGuard extends ResourceGuard {
  /** As {@link ResourceGuard.check}, to be asked again. @throws CodedError of {@link accessErrors} */
  checkLasting(request: GuardedRequest, need: { readonly scope: string }): Promise<LastingCaller>;
  /**
   * Whether the token of a lasting caller is good now: not once it has expired or was revoked, or its client or subject is gone.
   *
   * @throws CodedError `temporarily_unavailable` where nobody knows; then it is not
   */
  stands(token: LastingToken): Promise<boolean>;
}

/** The guards of our own interfaces, for those that are served by another process than the one that knows tokens. */
export interface Access {
  /**
   * As {@link ResourceGuard.check} of the interface.
   *
   * @param resource identifier of the interface: the one audience that is accepted
   */
  checkAccess(resource: string, request: GuardedRequest, need: { readonly scope: string }): Promise<Caller>;
  /** As {@link LastingGuard.checkLasting}. */
  checkLastingAccess(
    resource: string,
    request: GuardedRequest,
    need: { readonly scope: string },
  ): Promise<LastingCaller>;
  /** As {@link LastingGuard.stands}. */
  tokenStands(resource: string, token: LastingToken): Promise<boolean>;
}

/** Codes that begin with `proof_` are about the DPoP proof, those with `token_` about the access token. */
export const accessErrors = errorVocabulary({
  ...accessTokenErrors.codes,
  ...proofErrors.codes,
  proof_replayed: 'unauthenticated',
  /** The token verifies, but its client or subject is no longer in the directory. */
  token_revoked: 'unauthenticated',
  insufficient_scope: 'forbidden',
});

/**
 * RFC 6749 section 5.2, RFC 8693, RFC 9396, RFC 9449. An error names the rule that refused in its fact `reason`
 * (`proof_url`, `scope_wider`, `mandate_venue`), and where something was wider than allowed, an example of it in
 * its detail.
 */
export const oauthErrors = errorVocabulary({
  invalid_request: 'invalid',
  invalid_client: 'unauthenticated',
  invalid_grant: 'invalid',
  unauthorized_client: 'invalid',
  unsupported_response_type: 'invalid',
  unsupported_grant_type: 'invalid',
  invalid_scope: 'invalid',
  invalid_target: 'invalid',
  invalid_authorization_details: 'invalid',
  invalid_dpop_proof: 'invalid',
  /** RFC 9449 section 8: the answer carries a `DPoP-Nonce` to use. */
  use_dpop_nonce: 'invalid',
  access_denied: 'forbidden',
  temporarily_unavailable: 'unavailable',
  /** RFC 9101 section 7. */
  invalid_request_object: 'invalid',
  invalid_request_uri: 'invalid',
  /** OpenID Connect Core sections 6.1 and 6.2: not taken here, only in a pushed request. */
  request_not_supported: 'invalid',
  request_uri_not_supported: 'invalid',
  /** OpenID Connect Core section 3.1.2.6, RFC 9470 section 5. */
  login_required: 'unauthenticated',
  consent_required: 'forbidden',
  interaction_required: 'forbidden',
  unmet_authentication_requirements: 'forbidden',
  /** CIBA Core sections 11 and 13. */
  authorization_pending: 'invalid',
  slow_down: 'rate-limited',
  expired_token: 'invalid',
  expired_login_hint_token: 'invalid',
  unknown_user_id: 'invalid',
  missing_user_code: 'invalid',
  invalid_user_code: 'invalid',
  invalid_binding_message: 'invalid',
  /** RFC 7009 section 2.2.1. */
  unsupported_token_type: 'invalid',
  /** RFC 7591 section 3.2.2. */
  invalid_redirect_uri: 'invalid',
  invalid_client_metadata: 'invalid',
  invalid_software_statement: 'invalid',
  unapproved_software_statement: 'invalid',
  /** Grant Management for OAuth. */
  invalid_grant_id: 'invalid',
  /** RFC 9126 section 2.3: too many, too fast. */
  too_many_requests: 'rate-limited',
});

/** The certificate that the client showed on the connection, or that a proxy we know has passed on (RFC 9440). */
export interface PresentedCertificate {
  readonly der: Uint8Array;
  /** Whether it chains up to a configured authority and is in date. A self-signed one does not. */
  readonly chainVerified: boolean;
}

/** A request of a client as it came in; nothing in it has been looked at. */
export interface ClientRequest {
  readonly method: 'POST' | 'GET' | 'DELETE';
  /** Absolute URL that the client addressed, built on the configured base and never on a Host header. */
  readonly url: string;
  /** The form body, as text; empty where there is none. */
  readonly body: string;
  /** Every value of the `Authorization` header; clients authenticate in the body, so there should be none. */
  readonly authorization: readonly string[];
  /** Every value of the `DPoP` header. */
  readonly dpop: readonly string[];
  readonly certificate?: PresentedCertificate;
  /** Value of the `Accept` header. */
  readonly accept?: string;
  /** Source address as our listener saw it. */
  readonly address?: string;
  /** Network zone of the listener. */
  readonly zone?: string;
}

/** RFC 6749 section 5.1, with the members of RFC 8693 section 2.2.1 and RFC 9396 section 7. */
export interface TokenResponse {
  readonly access_token: string;
  /** `Bearer` where the token is bound to a certificate (RFC 8705 section 3) or opens userinfo alone; `N_A` for what is no access token. */
  readonly token_type: 'DPoP' | 'Bearer' | 'N_A';
  /** Seconds. */
  readonly expires_in: number;
  readonly scope: string;
  /** RFC 8693 section 3. */
  readonly issued_token_type?: string;
  readonly refresh_token?: string;
  readonly id_token?: string;
  /** Grant Management for OAuth. */
  readonly grant_id?: string;
  readonly authorization_details?: readonly TokenDetail[];
  /** The transaction that the token belongs to. */
  readonly txn?: TransactionId;
}

/** What a revocation ends. Everything issued up to its time is dead; what is issued afterwards is judged anew. */
export type RevocationTarget =
  /** With those exchanged from it. */
  | { readonly kind: 'token'; readonly id: string }
  | { readonly kind: 'grant'; readonly id: string }
  | { readonly kind: 'mandate'; readonly id: string }
  | { readonly kind: 'client'; readonly id: string }
  /** Person, agent or service, by principal id. */
  | { readonly kind: 'principal'; readonly id: string }
  /** Everybody who acts for this institution, by LEI. */
  | { readonly kind: 'partner'; readonly id: string };

export interface AuthorizationServer extends EmergencyTokens {
  /**
   * Issues or exchanges an access token. The record of it is durable before the token is returned; so is that of
   * a refusal.
   *
   * @throws CodedError of {@link oauthErrors}; `temporarily_unavailable` when it could not be recorded
   */
  token(request: ClientRequest): Promise<TokenResponse>;
  /** Every key that a verifier of what we sign may meet (RFC 7517 section 5). */
  keySet(): Promise<{ readonly keys: readonly Readonly<Record<string, string>>[] }>;
  metadata(): AuthorizationServerMetadata;
  /** For one of our own interfaces: `audience` is its resource URI. */
  guard(audience: string): LastingGuard;
  /** Ends what was issued. Recorded first; introspection on this node knows it when this resolves. */
  revoke(target: RevocationTarget, by: Actor, reason: string): Promise<void>;
}
