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

/** The caller of one of our own interfaces, after token and proof were verified. */
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
  /** The subject's authentication class and time (seconds since the epoch); only for a person whose token contains them. */
  readonly acr?: string;
  readonly authTime?: number;
}

/** The caller as an actor in records. */
export function actorOf({ subject, institution }: Pick<Caller, 'subject' | 'institution'>): Required<Actor> {
  return { id: subject, institution };
}

/** The request data that a guard needs; every HTTP framework can supply it. */
export interface GuardedRequest extends ResourceRequest {
  /** The client certificate. When `chainVerified` is absent, the chain counts as unverified. */
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

/** The claims that decide whether a verified token is still valid. They never grant access by themselves. */
export type LastingToken = RevocableClaims & Pick<AccessTokenClaims, 'exp'>;

/** A caller with a long-lived response, such as a stream. */
export interface LastingCaller {
  readonly caller: Caller;
  /** For {@link LastingGuard.isActive}. */
  readonly token: LastingToken;
}

/** A guard for interfaces with long-lived responses: a stream ends with the token that opened it. */
export interface LastingGuard extends ResourceGuard {
  /** As {@link ResourceGuard.check}, with a token to check again. @throws CodedError of {@link accessErrors} */
  checkLasting(request: GuardedRequest, need: { readonly scope: string }): Promise<LastingCaller>;
  /**
   * Whether the token of a long-lived response is still valid. It is invalid once it has expired or was revoked, or once its
   * client or subject has left the directory.
   *
   * @throws CodedError `temporarily_unavailable` when this cannot be determined; the caller must then treat it as invalid
   */
  isActive(token: LastingToken): Promise<boolean>;
}

/** The guards of our own interfaces, for interfaces in other processes than the authorization server. */
export interface Access {
  /**
   * As {@link ResourceGuard.check} of the interface.
   *
   * @param resource identifier of the interface, the only audience accepted
   */
  checkAccess(resource: string, request: GuardedRequest, need: { readonly scope: string }): Promise<Caller>;
  /** As {@link LastingGuard.checkLasting}. */
  checkLastingAccess(
    resource: string,
    request: GuardedRequest,
    need: { readonly scope: string },
  ): Promise<LastingCaller>;
  /** As {@link LastingGuard.isActive}. */
  isTokenActive(resource: string, token: LastingToken): Promise<boolean>;
}

/** Codes that start with `proof_` concern the DPoP proof, codes that start with `token_` the access token. */
export const accessErrors = errorVocabulary({
  ...accessTokenErrors.codes,
  ...proofErrors.codes,
  proof_replayed: 'unauthenticated',
  /** The token verifies, but its client or subject is no longer in the directory. */
  token_revoked: 'unauthenticated',
  insufficient_scope: 'forbidden',
});

/**
 * RFC 6749 section 5.2, RFC 8693, RFC 9396, RFC 9449. The fact `reason` names the rule that refused (`proof_url`, `scope_wider`,
 * `mandate_venue`). If a value was wider than allowed, the detail gives an example.
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
  /** RFC 9449 section 8: the response contains a `DPoP-Nonce` to use. */
  use_dpop_nonce: 'invalid',
  access_denied: 'forbidden',
  temporarily_unavailable: 'unavailable',
  /** RFC 9101 section 7. */
  invalid_request_object: 'invalid',
  invalid_request_uri: 'invalid',
  /** OpenID Connect Core sections 6.1 and 6.2: accepted only in a pushed request. */
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
  /** RFC 9126 section 2.3: too many requests in a short time. */
  too_many_requests: 'rate-limited',
});

/** The client certificate of the connection, or the one that a configured proxy forwarded (RFC 9440). */
export interface PresentedCertificate {
  readonly der: Uint8Array;
  /** Whether it chains up to a configured authority and is within its validity. False for a self-signed certificate. */
  readonly chainVerified: boolean;
}

/** A client's request as received; nothing in it has been validated. */
export interface ClientRequest {
  readonly method: 'POST' | 'GET' | 'DELETE';
  /** Absolute URL of the request, built from the configured base and never from a Host header. */
  readonly url: string;
  /** The form body as text; empty when there is none. */
  readonly body: string;
  /** Every value of the `Authorization` header. Clients authenticate in the body, so it should be empty. */
  readonly authorization: readonly string[];
  /** Every value of the `DPoP` header. */
  readonly dpop: readonly string[];
  readonly certificate?: PresentedCertificate;
  /** Value of the `Accept` header. */
  readonly accept?: string;
  /** Source address as our listener saw it. */
  readonly address?: string;
  readonly zone?: string;
}

/** RFC 6749 section 5.1, with the members of RFC 8693 section 2.2.1 and RFC 9396 section 7. */
export interface TokenResponse {
  readonly access_token: string;
  /**
   * `Bearer` for a token that is bound to a certificate (RFC 8705 section 3) or valid only for userinfo; `N_A` for anything but
   * an access token.
   */
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
  readonly txn?: TransactionId;
}

/** The target of a revocation. Everything issued to it before the revocation becomes invalid; later requests are decided anew. */
export type RevocationTarget =
  /** Includes the tokens exchanged from it. */
  | { readonly kind: 'token'; readonly id: string }
  | { readonly kind: 'grant'; readonly id: string }
  | { readonly kind: 'mandate'; readonly id: string }
  | { readonly kind: 'client'; readonly id: string }
  /** Person, agent or service, by principal id. */
  | { readonly kind: 'principal'; readonly id: string }
  /** Every principal that acts for this institution, by LEI. */
  | { readonly kind: 'partner'; readonly id: string };

export interface AuthorizationServer extends EmergencyTokens {
  /**
   * Issues or exchanges an access token. The record, also of a refusal, is durable before the call returns.
   *
   * @throws CodedError of {@link oauthErrors}; `temporarily_unavailable` when the record could not be written
   */
  token(request: ClientRequest): Promise<TokenResponse>;
  /** All public keys with which our signatures may be verified (RFC 7517 section 5). */
  keySet(): Promise<{ readonly keys: readonly Readonly<Record<string, string>>[] }>;
  metadata(): AuthorizationServerMetadata;
  /** For one of our own interfaces: `audience` is its resource URI. */
  guard(audience: string): LastingGuard;
  /** Revokes everything issued to the target. Recorded first; introspection on this node reflects it when the call resolves. */
  revoke(target: RevocationTarget, by: Actor, reason: string): Promise<void>;
}
