import type { Json } from '@countersign/kernel';

/**
 * The claims that a person signs with an authenticator. The challenge is SHA-256 over their canonical form (RFC 8785), so that
 * the assertion covers every member. `typ` prevents confusion between kinds of statement.
 */
export interface StatementClaims {
  /** E.g. `countersign-approval+webauthn`. */
  readonly typ: string;
  /** The person, by principal id. */
  readonly iss: string;
  /** Seconds since the epoch. */
  readonly iat: number;
  readonly exp: number;
  /** Unguessable and unique. */
  readonly jti: string;
  readonly [claim: string]: Json;
}

/**
 * A received assertion (WebAuthn Level 3 section 5.2.2) with the values to verify it against. All base64url but the last two.
 */
export interface WebAuthnSignature {
  readonly credential_id: string;
  readonly authenticator_data: string;
  readonly client_data_json: string;
  readonly signature: string;
  readonly rp_id: string;
  readonly origin: string;
}
