import type { ClientId, GrantTerms } from '@countersign/contracts';
import type { Digest, GrantId, SessionId } from '@countersign/kernel';

/** What an authorization code stands for, and what whoever redeems it must show. */
export interface CodeBinding {
  readonly grant: GrantId;
  readonly client: ClientId;
  /** As it stood in the authorization request (RFC 6749 section 4.1.3). */
  readonly redirectUri: string;
  /** S256 (RFC 7636); left out where the client uses a nonce instead. */
  readonly codeChallenge?: string;
  /** The DPoP key that the code is bound to (RFC 9449 section 10). */
  readonly dpopJkt?: string;
  /** For the ID token (OpenID Connect Core section 3.1.2.1). */
  readonly nonce?: string;
  /** The sign-in under which it was issued. */
  readonly session?: SessionId;
  /** The interface that was asked for (RFC 8707). */
  readonly resource?: string;
  /** What was asked for this time: the grant may hold more from before. */
  readonly scopes: GrantTerms['scopes'];
  /** How the person signed in for this request; the grant says how they did when they gave it. */
  readonly acr: string;
  readonly amr: readonly string[];
  /** Seconds since the epoch. */
  readonly authTime: number;
  /** Digests of the intents that the sign-in was made for; left out where somebody else vouches for the person. */
  readonly boundTo?: readonly Digest[];
  /** The managed device of the sign-in. */
  readonly device?: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}
