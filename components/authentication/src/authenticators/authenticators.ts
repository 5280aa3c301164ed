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

/** A mover keeps them. */
export function departureEffect(register: Pick<AuthenticatorKeeping, 'endOfLeaver'>): DepartureEffect {
  return {
    name: 'authenticators',
    async end({ principal, kind, at, by, reason }) {
      if (kind !== 'leave') return { ended: 0 };
      return { ended: await register.endOfLeaver(principal, by, reason, Date.parse(at)) };
    },
  };
}

export interface RunningAuthenticators extends AuthenticatorKeeping, Statements {
  readonly settings: AuthenticatorSettings;
  /** Request options for a sign-in. @param person whose keys may answer; undefined discloses nobody's keys */
  signInOptions(challenge: string, person: PrincipalId | undefined): Promise<RequestOptions>;
  /** @throws CodedError of `authenticatorErrors`, `person_unknown`, `institution_not_issued`; recorded */
  acceptSignIn(answer: {
    readonly credential: unknown;
    readonly challenge: string;
    /** When it was shown, milliseconds since the epoch. */
    readonly askedAt: number;
    readonly person: PrincipalId | undefined;
    readonly acrValues: readonly string[];
    readonly address: string | undefined;
  }): Promise<AcceptedAssertion>;
  /** Records an answer to a used challenge. */
  refuseReplayed(answer: { readonly credential: unknown; readonly address: string | undefined }): Promise<void>;
  /** Undefined if it was used or replaced, or has expired. */
  invitationOf(secret: string): Promise<StoredInvitation | undefined>;
  /** @throws CodedError of `authenticatorErrors` */
  askInvited(secret: string): Promise<AskedStatement>;
  /** For a further key, on a statement of type `addStatementType`. */
  registrationFor(person: PrincipalId, statement: SignedStatement): Promise<AskedStatement>;
  /** @throws CodedError of `authenticatorErrors`; recorded */
  register(sent: SentRegistration): Promise<Authenticator>;
  /** Whether the person needs a key that cannot be copied. */
  needsHardware(person: PrincipalId): boolean;
  readonly departureEffect: DepartureEffect;
  /** @param before milliseconds since the epoch @returns rows removed, at most `limit` */
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
