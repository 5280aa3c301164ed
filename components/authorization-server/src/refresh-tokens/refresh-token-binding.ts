import type { ClientId, GrantTerms } from '@countersign/contracts';
import type { GrantId, SessionId } from '@countersign/kernel';

/** What a refresh token stands for, and whose it is. */
export interface RefreshTokenBinding {
  readonly grant: GrantId;
  readonly grantVersion: number;
  readonly client: ClientId;
  /** Thumbprint of the DPoP key it was used with last; see the grant `refresh_token` for when another one is refused. */
  readonly jkt?: string;
  /** What was granted with it: a refresh asks for this or less (RFC 6749 section 6). */
  readonly scopes: GrantTerms['scopes'];
  /** The interface its first access token was for. */
  readonly resource?: string;
  readonly session?: SessionId;
  /** How the person had signed in; a refresh is no new sign-in. */
  readonly acr: string;
  readonly amr: readonly string[];
  /** Seconds since the epoch. */
  readonly authTime: number;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}
