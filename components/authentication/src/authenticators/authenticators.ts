import { createCommands, createRecordedThings } from '@countersign/commands';
import type {
  AskedStatement,
  Authenticator,
  DepartureEffect,
  PrincipalId,
  SignedStatement,
  Statements,
} from '@countersign/contracts';
import { authenticationOptions, type RequestOptions } from '@countersign/webauthn/ceremonies';
import { type AcceptedAssertion, createAssertions } from './assertions.ts';
import { createAuthenticatorStore } from './authenticator-store.ts';
import { createChallengeStore } from './challenge-store.ts';
import { type AuthenticatorSettings, authenticatorSettingsOf } from './config.ts';
import type { AuthenticatorDependencies, Parts } from './dependencies.ts';
import { createInvitationStore, type StoredInvitation } from './invitation-store.ts';
import { createLockStore } from './lock-store.ts';
import { createAuthenticatorKind } from './recorded-authenticator.ts';
import { createInvitationKind } from './recorded-invitation.ts';
import { createAccountLockKind } from './recorded-lock.ts';
import { type AuthenticatorKeeping, createRegister } from './register.ts';
import { createRegistrations, type SentRegistration } from './registrations.ts';
import { createRules } from './rules.ts';
import { createStatements } from './statements.ts';

/** Removes the authenticators of a leaver. A mover keeps theirs; the rules of the new roles apply at each use. */
export function departureEffect(register: Pick<AuthenticatorKeeping, 'endOfLeaver'>): DepartureEffect {
  return {
    name: 'authenticators',
    async end({ principal, kind, at, by, reason }) {
      if (kind !== 'leave') return { ended: 0 };
      return { ended: await register.endOfLeaver(principal, by, reason, Date.parse(at)) };
    },
  };
}

/** The security keys and passkeys of people, and what is signed with them. */
export interface RunningAuthenticators extends AuthenticatorKeeping, Statements {
  readonly settings: AuthenticatorSettings;
  /**
   * What a browser needs to answer the challenge of a sign-in.
   *
   * @param person whose keys may answer; whoever's when left out, which shows nothing about anybody
   */
  signInOptions(challenge: string, person: PrincipalId | undefined): Promise<RequestOptions>;
  /**
   * Accepts what an authenticator answered in a sign-in.
   *
   * @throws CodedError of `authenticatorErrors`, `person_unknown`, `institution_not_issued`; recorded before
   */
  acceptSignIn(answer: {
    readonly credential: unknown;
    readonly challenge: string;
    /** When it was shown, milliseconds since the epoch. */
    readonly askedAt: number;
    readonly person: PrincipalId | undefined;
    readonly acrValues: readonly string[];
    readonly address: string | undefined;
  }): Promise<AcceptedAssertion>;
  /** Records that an answer came for a challenge of a sign-in that was used up. */
  refuseReplayed(answer: { readonly credential: unknown; readonly address: string | undefined }): Promise<void>;
  /** What invites whoever has this secret; undefined when it was used or replaced, or is over. */
  invitationOf(secret: string): Promise<StoredInvitation | undefined>;
  /** What the browser of an invited person needs. @throws CodedError of `authenticatorErrors` */
  askInvited(secret: string): Promise<AskedStatement>;
  /** What the browser of a person needs who adds a further one, on a statement of type `addStatementType`. */
  registrationFor(person: PrincipalId, statement: SignedStatement): Promise<AskedStatement>;
  /** Registers what the browser brought. @throws CodedError of `authenticatorErrors`; recorded before */
  register(sent: SentRegistration): Promise<Authenticator>;
  /** Whether the rules ask a person for a key that cannot be copied. */
  needsHardware(person: PrincipalId): boolean;
  /** For the directory: what ends when people leave. */
  readonly departureEffect: DepartureEffect;
  /** Removes a slice of what was over before then, milliseconds since the epoch. @returns rows removed, at most `limit` */
  deleteExpired(before: number, limit: number): Promise<number>;
}

/** @throws CodedError `configuration_invalid`, or of `attestationTrustErrors` */
export function createAuthenticators(dependencies: AuthenticatorDependencies): RunningAuthenticators {
  const { pool, directory } = dependencies;
  const settings = authenticatorSettingsOf(dependencies.config, dependencies.settings);
  const rules = createRules(settings);
  const stores = {
    authenticators: createAuthenticatorStore(pool),
    invitations: createInvitationStore(pool),
    locks: createLockStore(pool, dependencies.standings),
  };
  const kinds = {
    authenticator: createAuthenticatorKind({ ...dependencies, ...stores }),
    invitation: createInvitationKind(stores.invitations, dependencies.clock),
    lock: createAccountLockKind({ ...dependencies, ...stores }),
  };
  const recording = {
    ...{ pool, clock: dependencies.clock, log: dependencies.audit, check: dependencies.standings },
    source: 'authentication' as const,
  };
  const parts: Parts = {
    ...dependencies,
    ...stores,
    ...{ settings, rules, kinds },
    challenges: createChallengeStore(pool, dependencies.rowSeal),
    commands: createCommands(recording),
    things: createRecordedThings(kinds.authenticator, recording),
  };
  const assertions = createAssertions(parts);
  const register = createRegister(parts);
  const registrations = createRegistrations(parts);
  return {
    settings,
    ...register,
    ...createStatements(parts, assertions),
    ...registrations,
    departureEffect: departureEffect(register),

    async signInOptions(challenge, person) {
      const theirs = person === undefined ? [] : await parts.authenticators.ofPerson(pool, person);
      return authenticationOptions({
        relyingParty: settings.relyingParty,
        challenge,
        allow: theirs
          .filter(({ suspendedAt }) => suspendedAt === undefined)
          .map(({ credentialId, transports }) => ({ credentialId, transports })),
      });
    },
    acceptSignIn: ({ acrValues, ...answer }) =>
      assertions.accept({ ceremony: 'sign-in', ...answer, ...(acrValues.length === 0 ? {} : { acrValues }) }),
    refuseReplayed: (answer) => assertions.refuseReplayed({ ceremony: 'sign-in', ...answer }),
    needsHardware(person) {
      const principal = directory.snapshot().principal(person);
      if (principal?.kind !== 'person') return false;
      const { deviceBound, attestation } = rules.ruleOf(principal.roles);
      return deviceBound || attestation === 'trusted';
    },
    async deleteExpired(before, limit) {
      const challenges = await parts.challenges.deleteExpired(before, limit);
      return Math.max(challenges, await parts.invitations.deleteExpired(before, limit));
    },
  };
}
