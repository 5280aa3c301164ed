import { type Digest, errorVocabulary, type MandateId, type TransactionId } from '@countersign/kernel';
import type { AuthorizationDetail } from '@countersign/market';
import {
  type AuthorizationServerMetadata,
  accessTokenErrors,
  proofErrors,
  type ResourceRequest,
} from '@countersign/oauth';

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
  readonly authorizationDetails: readonly AuthorizationDetail[];
}

/** What a guard needs of a request; every HTTP framework can supply it. */
export type GuardedRequest = ResourceRequest;

/** Checks that a caller may use one of our own interfaces. Token and DPoP proof are both required (RFC 9449). */
export interface ResourceGuard {
  /** @throws CodedError of {@link accessErrors} */
  check(request: GuardedRequest, need: { readonly scope: string }): Promise<Caller>;
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
  unsupported_grant_type: 'invalid',
  invalid_scope: 'invalid',
  invalid_target: 'invalid',
  invalid_authorization_details: 'invalid',
  invalid_dpop_proof: 'invalid',
  access_denied: 'forbidden',
  temporarily_unavailable: 'unavailable',
});

/** A token request as it came in; nothing in it has been looked at. */
export interface TokenRequest {
  /** The form body, as text. */
  readonly body: string;
  /** Every value of the `Authorization` header; clients authenticate in the body, so there should be none. */
  readonly authorization: readonly string[];
  /** Every value of the `DPoP` header. */
  readonly dpop: readonly string[];
  /** Source address as our listener saw it. */
  readonly address?: string;
}

/** RFC 6749 section 5.1, with the members of RFC 8693 section 2.2.1 and RFC 9396 section 7. */
export interface TokenResponse {
  readonly access_token: string;
  readonly token_type: 'DPoP';
  /** Seconds. */
  readonly expires_in: number;
  readonly scope: string;
  readonly issued_token_type?: 'urn:ietf:params:oauth:token-type:access_token';
  readonly authorization_details?: readonly AuthorizationDetail[];
  /** The transaction that the token belongs to. */
  readonly txn?: TransactionId;
}

export interface AuthorizationServer {
  /**
   * Issues or exchanges an access token. The record of it is durable before the token is returned; so is that of
   * a refusal.
   *
   * @throws CodedError of {@link oauthErrors}; `temporarily_unavailable` when it could not be recorded
   */
  token(request: TokenRequest): Promise<TokenResponse>;
  /** Every key that a verifier of our tokens may meet (RFC 7517 section 5). */
  keySet(): Promise<{ readonly keys: readonly Readonly<Record<string, string>>[] }>;
  metadata(): AuthorizationServerMetadata;
  /** For one of our own interfaces: `audience` is its resource URI. */
  guard(audience: string): ResourceGuard;
}
