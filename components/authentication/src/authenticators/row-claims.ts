import type { Claim, PrincipalId } from '@countersign/contracts';
import type { AuthenticatorId } from '@countersign/kernel';
import type { StoredInvitation } from './invitation-store.ts';
import type { StoredAuthenticator } from './stored-authenticator.ts';

// The members of a row that decide something, as records state them (docs/adr/0043).

export const authenticatorThing = (id: AuthenticatorId): string => `authenticator:${id}`;

/** The name, the counter and the last use decide nothing by themselves. */
export function authenticatorClaim(stored: Omit<StoredAuthenticator, 'name'>): Claim {
  return {
    of: authenticatorThing(stored.id),
    content: {
      person: stored.person,
      credential_id: stored.credentialId,
      kid: stored.kid,
      jwk: stored.jwk,
      acr: stored.acr,
      aaguid: stored.aaguid,
      attestation: stored.attestation,
      attestation_format: stored.attestationFormat,
      backup_eligible: stored.backupEligible,
      invited_by: stored.invitedBy ?? null,
      record: stored.recordId,
    },
  };
}

/** Somebody who ever had an authenticator is not invited again, even if every row of theirs is gone. */
export const everHadThing = (person: PrincipalId): string => `had-authenticator:${person}`;

/** One invitation at a time: the newest, until it is used or replaced. */
export const invitationThing = (person: PrincipalId): string => `invitation:${person}`;

export function invitationClaim(invitation: StoredInvitation, secretHash: Buffer): Claim {
  return {
    of: invitationThing(invitation.person),
    content: {
      secret: secretHash.toString('base64url'),
      invited_by: invitation.invitedBy,
      record: invitation.recordId,
      recovery: invitation.recovery ?? null,
      ends_at: invitation.expiresAt,
    },
  };
}

/** A lock holds while its newest record says so, even if its row is gone. */
export const lockThing = (person: PrincipalId): string => `account-lock:${person}`;
