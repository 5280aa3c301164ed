import { type AuthenticatorId, type Digest, errorVocabulary, type Json, type RecordId } from '@countersign/kernel';
import { type StatementClaims, type WebAuthnSignature, webAuthnErrors } from '@countersign/webauthn';
import type { Actor } from './audit-log.ts';
import type { PrincipalId } from './principals.ts';

/** A security key or passkey (WebAuthn) with which a person signs in. A person often has several. */
export interface Authenticator {
  readonly id: AuthenticatorId;
  readonly person: PrincipalId;
  /** Chosen by the person. */
  readonly name: string;
  /** WebAuthn credential id, base64url. */
  readonly credentialId: string;
  /** RFC 7638 thumbprint of {@link jwk}. */
  readonly kid: Digest;
  readonly jwk: Readonly<Record<string, string>>;
  /** Authentication context class of a sign-in with this authenticator, including user verification: `phr` or `phrh`. */
  readonly acr: string;
  /** Authenticator model, a UUID; all zeros when the authenticator does not disclose it. */
  readonly aaguid: string;
  /** Name of the model from its metadata statement, if one is loaded. */
  readonly model?: string;
  /**
   * WebAuthn flag BE: the key can be copied to other devices. The flag never changes; an assertion with another value is refused.
   */
  readonly backupEligible: boolean;
  /** Whether its attestation chains up to a root that is configured for its model. */
  readonly attested: boolean;
  /** RFC 3339. */
  readonly registeredAt: string;
  readonly lastUsedAt?: string;
  /** RFC 3339: time at which its signature counter went backwards. A suspended authenticator cannot be used. */
  readonly suspendedAt?: string;
  /** Its `authenticator.registered` record. Records of its signatures refer to it. */
  readonly recordId: RecordId;
}

/** A statement that a person signed with an authenticator: `challenge = SHA-256(JCS(claims))`. */
export interface SignedStatement {
  readonly claims: StatementClaims;
  readonly signature: WebAuthnSignature;
  readonly authenticator: Authenticator;
}

/** What the browser needs to get a statement signed. */
export interface AskedStatement {
  /** Identifies the request when the signature arrives; single use. */
  readonly handle: string;
  /** PublicKeyCredentialRequestOptionsJSON (WebAuthn Level 3 section 5.10.2). */
  readonly options: Json;
  /** RFC 3339. */
  readonly expiresAt: string;
}

/** Obtains signatures of people over statements that were shown to them. */
export interface Statements {
  /**
   * Stores a statement for a person to sign, with the authenticators that may sign it. The page must first show everything that
   * {@link StatementClaims} contain, decoded.
   *
   * @param request.acrValues classes, one of which the authenticator must have; any class when left out
   * @param request.lifeSeconds at most 600; 120 by default
   * @throws CodedError `authenticator_none` when the person has no suitable authenticator
   */
  ask(request: {
    readonly person: PrincipalId;
    readonly claims: StatementClaims;
    readonly acrValues?: readonly string[];
    readonly lifeSeconds?: number;
  }): Promise<AskedStatement>;
  /**
   * Accepts the browser's assertion once. Verifies origin, RP id, challenge, user presence and verification, backup flags,
   * counter and signature. Records a refusal (`authenticator.refused`) before it throws.
   *
   * @param answer.credential AuthenticationResponseJSON as received
   * @throws CodedError of {@link authenticatorErrors}
   */
  consume(answer: {
    readonly handle: string | undefined;
    readonly person: PrincipalId;
    readonly credential: unknown;
  }): Promise<SignedStatement>;
}

/** A single-use link with which a person registers the first authenticator. */
export interface EnrolmentInvitation {
  /** Path on our own origin, including its secret. Shown once; only its hash is stored. */
  readonly path: string;
  /** RFC 3339. */
  readonly expiresAt: string;
  readonly recordId: RecordId;
}

export const authenticatorErrors = errorVocabulary({
  ...webAuthnErrors.codes,
  /** The challenge was never issued, has been used, or has expired. */
  challenge_unknown: 'conflict',
  /** A later assertion of the same key was processed first. The person is asked again; this is no sign of misuse. */
  answer_overtaken: 'conflict',
  /** The credential is already registered, for this person or another. */
  credential_registered: 'conflict',
  /** The key is also registered for another principal, so its signature does not identify one person. */
  credential_shared: 'forbidden',
  authenticator_too_weak: 'forbidden',
  authenticator_none: 'forbidden',
  authenticator_not_found: 'not-found',
  /** Only recovery or an operator removes a person's last authenticator, never the person. */
  authenticator_last: 'conflict',
  authenticators_most: 'conflict',
  invitation_unknown: 'not-found',
  /** Evidence or reason is missing, too long, or not plain text. */
  invitation_malformed: 'invalid',
  /** The person is the caller, or belongs to another institution. */
  person_not_yours: 'forbidden',
  /** A person who has or had an authenticator cannot be invited: they add one with an existing authenticator, or recover. */
  recovery_needed: 'conflict',
  account_locked: 'forbidden',
});

/** People's authenticators, for components that manage them or rely on them. */
export interface AuthenticatorRegister {
  /** The person's current authenticators, including suspended ones, in the order of registration. */
  of(person: PrincipalId): Promise<readonly Authenticator[]>;
  /** Whether the person has or had an authenticator, including removed ones. */
  everHad(person: PrincipalId): Promise<boolean>;
  /** Principal ids of everyone who invited the person, for a registered authenticator or for one that can still be registered. */
  invitersOf(person: PrincipalId): Promise<readonly string[]>;
  /**
   * Invites a person to register the first authenticator. Records the evidence that proved their identity. After a recovery,
   * `recovery` names its record; without it, a person who ever had an authenticator is refused.
   *
   * @throws CodedError `recovery_needed`
   */
  invite(
    invitation: {
      readonly person: PrincipalId;
      /** References to the evidence of identity, such as a file number or a record; 1 to 10, each at most 200 characters. */
      readonly evidence: readonly string[];
      /** At most 72; 24 by default. */
      readonly lifeHours?: number;
      readonly recovery?: RecordId;
    },
    by: Actor,
  ): Promise<EnrolmentInvitation>;
  /**
   * Removes all authenticators and open invitations, each recorded first. A repeated call continues after a failure. @returns how
   * many
   */
  revokeAllOf(person: PrincipalId, by: Actor, reason: string): Promise<number>;
  /** @throws CodedError `authenticator_not_found` */
  revoke(id: AuthenticatorId, by: Actor, reason: string): Promise<void>;
  /**
   * Locks a person out (sessions ended, sign-in and statements refused with `account_locked`) until {@link unlock}.
   * Recorded first; idempotent.
   */
  lock(person: PrincipalId, by: Actor, reason: string): Promise<void>;
  unlock(person: PrincipalId, by: Actor, reason: string): Promise<void>;
  isLocked(person: PrincipalId): Promise<boolean>;
}
