import type { AuthenticatorId, RecordId } from '@countersign/kernel';

/** What lets a person register an authenticator: an invitation, or one that they have and have just used. */
export type RegistrationAllowance =
  /** @property secretHash base64url */
  | { readonly by: 'invitation'; readonly secretHash: string }
  | { readonly by: 'authenticator'; readonly authenticator: AuthenticatorId; readonly recordId: RecordId };
