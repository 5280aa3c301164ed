import type { Claim, PrincipalId } from '@countersign/contracts';
import { type AuthenticatorId, type SessionId, sha256Base64Url } from '@countersign/kernel';
import type { StoredInvitation } from './authenticators/invitation-store.ts';
import type { StoredAuthenticator } from './authenticators/stored-authenticator.ts';
import type { StoredSession } from './sessions/session-store.ts';
import type { StepUp } from './sessions/step-up-store.ts';

// Everything in a row that decides, as records say it and as rows are held against them (docs/adr/0043).

export const sessionThing = (id: SessionId): string => `session:${id}`;

/** @param secretHash of the cookie that opens it */
export function sessionClaim(session: StoredSession, secretHash: Buffer): Claim {
  return {
    of: sessionThing(session.id),
    content: {
      secret: secretHash.toString('base64url'),
      person: session.person,
      acr: session.acr,
      amr: [...session.amr],
      auth_time: session.authTime,
      ends_at: session.absoluteEndAt,
      directory_version: session.directoryVersion,
      tier: session.tier,
      device: session.device ?? null,
      authenticator: session.authenticator ?? null,
      issuer: session.issuer ?? null,
    },
  };
}

/** Each set of intents has its own, so that one that was recorded and not kept stands in nobody's way. */
export function stepUpClaim(made: StepUp): Claim {
  return {
    of: `step-up:${made.session}:${sha256Base64Url([...made.intents].sort().join())}`,
    content: {
      intents: [...made.intents].sort(),
      acr: made.acr,
      amr: [...made.amr],
      auth_time: made.authTime,
      ends_at: made.expiresAt,
      authenticator: made.authenticator ?? null,
    },
  };
}

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
