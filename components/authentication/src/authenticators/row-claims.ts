import type { Claim, PrincipalId } from '@countersign/contracts';
import type { AuthenticatorId } from '@countersign/kernel';
import type { StoredInvitation } from './invitation-store.ts';
import type { StoredAuthenticator } from './stored-authenticator.ts';

// What the log says of each row (docs/adr/0043).

export const authenticatorThing = (id: AuthenticatorId): string => `authenticator:${id}`;

/** Without name, counter and last use. */
export function authenticatorClaim(stored: Omit<StoredAuthenticator, 'name'>): Claim {
  return {
    of: authenticatorThing(stored.id),
    content: {
      ...{
        person: stored.person,
        credential_id: stored.credentialId,
        kid: stored.kid,
        jwk: stored.jwk,
        acr: stored.acr,
      },
      ...{ aaguid: stored.aaguid, attestation: stored.attestation, attestation_format: stored.attestationFormat },
      ...{ backup_eligible: stored.backupEligible, invited_by: stored.invitedBy ?? null, record: stored.recordId },
    },
  };
}

/** Blocks invitations even if all rows are gone. */
export const everHadThing = (person: PrincipalId): string => `had-authenticator:${person}`;

/** The newest invitation, until it is used or replaced. */
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
