import { type AuthenticatorId, type Digest, errorVocabulary, type Json, type RecordId } from '@countersign/kernel';
import { type StatementClaims, type WebAuthnSignature, webAuthnErrors } from '@countersign/webauthn';
import type { Actor } from './audit-log.ts';
import type { PrincipalId } from './principals.ts';

/** What a person shows who they are with: a security key or a passkey (WebAuthn). One person, often several of them. */
export interface Authenticator {
  readonly id: AuthenticatorId;
  readonly person: PrincipalId;
  /** Given by the person. */
  readonly name: string;
  /** WebAuthn credential id, base64url. */
  readonly credentialId: string;
  /** RFC 7638 thumbprint of {@link jwk}. */
  readonly kid: Digest;
  readonly jwk: Readonly<Record<string, string>>;
  /** Authentication context class of a sign-in with it, user verification included: `phr` or `phrh`. */
  readonly acr: string;
  /** Authenticator model, a UUID; all zeros where it does not say. */
  readonly aaguid: string;
  /** Of the model, by its metadata statement, where one is loaded. */
  readonly model?: string;
  /** BE: could be copied to other devices. It never changes; a key that says otherwise later is refused. */
  readonly backupEligible: boolean;
  /** Whether its attestation led to a root that is configured for its model. */
  readonly attested: boolean;
  /** RFC 3339. */
  readonly registeredAt: string;
  readonly lastUsedAt?: string;
  /** RFC 3339: its counter went back then, and it counts for nothing. */
  readonly suspendedAt?: string;
  /** Of its `authenticator.registered`: what a signature with it rests on. */
  readonly recordId: RecordId;
}

/** A statement with the signature of a person's authenticator over it: `challenge = SHA-256(JCS(claims))`. */
export interface SignedStatement {
  readonly claims: StatementClaims;
  readonly signature: WebAuthnSignature;
  readonly authenticator: Authenticator;
}

/** What a browser needs to have a statement signed. */
export interface AskedStatement {
  /** Names it when the answer comes; single use. */
  readonly handle: string;
  /** PublicKeyCredentialRequestOptionsJSON (WebAuthn Level 3 section 5.10.2). */
  readonly options: Json;
  /** RFC 3339. */
  readonly expiresAt: string;
}

/** Has people sign what they were shown. */
export interface Statements {
  /**
   * Remembers what a person is asked to sign, with what it must be signed. The page shows what {@link StatementClaims}
   * name, decoded, before it asks.
   *
   * @param request.acrValues classes of which the authenticator must have one; each when left out
   * @param request.lifeSeconds at most 600; 120 by default
   * @throws CodedError `authenticator_none` when the person has none that would do
   */
  ask(request: {
    readonly person: PrincipalId;
    readonly claims: StatementClaims;
    readonly acrValues?: readonly string[];
    readonly lifeSeconds?: number;
  }): Promise<AskedStatement>;
  /**
   * Takes what the browser brought, once: origin, RP id, challenge, user presence and verification, backup flags, counter
   * and signature are verified, and a refusal recorded (`authenticator.refused`) before it is thrown.
   *
   * @param answer.credential AuthenticationResponseJSON as it came
   * @throws CodedError of {@link authenticatorErrors}
   */
  take(answer: {
    readonly handle: string | undefined;
    readonly person: PrincipalId;
    readonly credential: unknown;
  }): Promise<SignedStatement>;
}

/** A link with which a person enrols an authenticator without having one; single use. */
export interface EnrolmentInvitation {
  /** Path on our own origin, with its secret. Shown once and kept only as a hash. */
  readonly path: string;
  /** RFC 3339. */
  readonly expiresAt: string;
  readonly recordId: RecordId;
}

export const authenticatorErrors = errorVocabulary({
  ...webAuthnErrors.codes,
  /** The challenge is none that stands here: used, over, or never given. */
  challenge_unknown: 'conflict',
  /** A later answer of the same key came first. It is asked again; nobody is suspected. */
  answer_overtaken: 'conflict',
  /** It is registered already, to this person or to another. */
  credential_registered: 'conflict',
  /** The key is also that of another principal: it is one person's word, and nobody knows whose. */
  credential_shared: 'forbidden',
  authenticator_too_weak: 'forbidden',
  authenticator_none: 'forbidden',
  authenticator_not_found: 'not-found',
  /** The last one is taken away by recovery or by an operator, never by a click. */
  authenticator_last: 'conflict',
  authenticators_most: 'conflict',
  invitation_unknown: 'not-found',
  /** Evidence or reason: plain text of bounded length, and there must be some. */
  invitation_malformed: 'invalid',
  /** Nobody does it to themselves, nor for people of another institution. */
  person_not_yours: 'forbidden',
  /** Who has, or ever had, an authenticator is not invited: they add one with what they have, or recover. */
  recovery_needed: 'conflict',
  account_locked: 'forbidden',
});

/** The factors of people, for those who manage or rely on them. */
export interface AuthenticatorRegister {
  /** Those that a person has now, suspended ones too, in the order of their registration. */
  of(person: PrincipalId): Promise<readonly Authenticator[]>;
  /** Also of one that was removed since. */
  everHad(person: PrincipalId): Promise<boolean>;
  /** Principal ids of who invited the person, for whichever authenticator they had or may yet enrol: whom they owe their access. */
  invitersOf(person: PrincipalId): Promise<readonly string[]>;
  /**
   * Lets a person enrol their first authenticator, recorded with the evidence by which their identity was proved.
   * After a recovery `recovery` names its record; without one, who ever had an authenticator is refused.
   *
   * @throws CodedError `recovery_needed`
   */
  invite(
    invitation: {
      readonly person: PrincipalId;
      /** References to what proved who they are: a file number, a record; 1 to 10, each at most 200 characters. */
      readonly evidence: readonly string[];
      /** At most 72; 24 by default. */
      readonly lifeHours?: number;
      readonly recovery?: RecordId;
    },
    by: Actor,
  ): Promise<EnrolmentInvitation>;
  /** Takes all of them away, open invitations included, each recorded first. Repeating it goes on. @returns how many */
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
