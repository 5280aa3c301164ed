import type { Json } from '@countersign/kernel';

/**
 * What a person signs with their authenticator. SHA-256 over its canonical form (RFC 8785) is the challenge, so that the
 * assertion is over every member, and `typ` keeps one kind from being taken for another.
 */
export interface StatementClaims {
  /** E.g. `countersign-approval+webauthn`. */
  readonly typ: string;
  /** The person, by principal id. */
  readonly iss: string;
  /** Seconds since the epoch. */
  readonly iat: number;
  readonly exp: number;
  /** Unguessable; nothing is signed twice. */
  readonly jti: string;
  readonly [claim: string]: Json;
}

/** An assertion as it came (WebAuthn Level 3 section 5.2.2), with what it must be verified against. All base64url but the last two. */
export interface WebAuthnSignature {
  readonly credential_id: string;
  readonly authenticator_data: string;
  readonly client_data_json: string;
  readonly signature: string;
  readonly rp_id: string;
  readonly origin: string;
}
