import type { Command } from '@countersign/commands';
import { type Actor, authenticatorErrors, ended, type PrincipalId } from '@countersign/contracts';
import { type AuthenticatorId, defined, toInstant } from '@countersign/kernel';
import type { AuthenticatorRow } from './authenticator-store.ts';
import type { Parts } from './dependencies.ts';
import { requireRegisteredWritten } from './proven-authenticators.ts';
import { type AuthenticatorState, isEnded, stateOf } from './recorded-authenticator.ts';
import { aboutPerson, done, suspected } from './records.ts';
import { invitationThing } from './row-claims.ts';

export type AuthenticatorCommand<Ask, Facts, Answer> = Command<
  Ask,
  AuthenticatorId,
  AuthenticatorState,
  AuthenticatorRow,
  Facts,
  Answer
>;

export interface RemovalAsk {
  readonly id: AuthenticatorId;
  readonly by: Actor;
  readonly reason: string;
  /** The owner, if they remove it themselves; it must not be their last one. */
  readonly own?: PrincipalId;
  /** Without notice, because the person has left. */
  readonly isQuiet?: true;
}

export interface Removed {
  /** Undefined if there is no such authenticator. */
  readonly person?: PrincipalId;
  /** False if it was removed before. */
  readonly removed: boolean;
}

const usual = {
  // A row that its record does not confirm is removed as well.
  unproven: 'none',
  before: async () => undefined,
  ends: isEnded,
  refused: () => undefined,
  after: async () => undefined,
} as const;

export function createRemoval(parts: Parts) {
  const { authenticators, directory, random, kinds } = parts;
  type Facts = { readonly present: AuthenticatorRow | undefined; readonly theirs: readonly AuthenticatorRow[] };
  const command: AuthenticatorCommand<RemovalAsk, Facts, Removed> = {
    ...usual,
    kind: kinds.authenticator,
    about: ({ id }) => id,
    async facts(session, { ask, row }) {
      const present = row ?? (await authenticators.findById(session, ask.id));
      if (present === undefined) return { present, theirs: [] };
      await authenticators.lockPerson(session, present.person, random.bytes(32));
      await requireRegisteredWritten(parts, session, present.person);
      return { present, theirs: await authenticators.ofPerson(session, present.person) };
    },
    done({ facts: { present }, completed }) {
      if (present === undefined) return { removed: false };
      // After a crash, the repetition reports the completed removal.
      return present.removedAt === undefined ? undefined : { person: present.person, removed: completed };
    },
    async check({ ask: { own }, facts: { present, theirs } }) {
      if (own === undefined || present === undefined) return;
      if (present.person !== own) throw unknownKey();
      if (!theirs.some(({ id, suspendedAt }) => id !== present.id && suspendedAt === undefined))
        throw authenticatorErrors.error(
          'authenticator_last',
          'This is your last key. Register another one first; if it is lost, ask for a recovery.',
        );
    },
    next: ({ ask: { isQuiet }, facts: { present }, now }) => ({
      ...stateOf(known(present)),
      removedAt: toInstant(now),
      ...defined({ isQuiet }),
    }),
    record({ ask: { id, by, reason } }, { person, recordId }) {
      const more = { standing: [ended(invitationThing(person))], references: [recordId] };
      return done('authenticator.removed', aboutPerson(directory, person), by, { authenticator: id, reason }, more);
    },
    release: ({ person }) => ({ person, removed: true }),
  };
  return command;
}

/** For a counter that went back. @returns whether this was the first time */
export function createSuspicion(
  parts: Parts,
): AuthenticatorCommand<AuthenticatorId, { readonly present: AuthenticatorRow | undefined }, boolean> {
  const { authenticators, directory, kinds } = parts;
  return {
    ...usual,
    kind: kinds.authenticator,
    about: (id) => id,
    facts: async (session, { ask, row }) => ({ present: row ?? (await authenticators.findById(session, ask)) }),
    done({ facts: { present }, completed }) {
      if (present === undefined || present.removedAt !== undefined) return false;
      return present.suspendedAt === undefined ? undefined : completed;
    },
    check: async () => undefined,
    next: ({ facts: { present }, now }) => ({ ...stateOf(known(present)), suspendedAt: toInstant(now) }),
    record: (_, { id, person }) => suspected(aboutPerson(directory, person), id),
    release: () => true,
  };
}

export function unknownKey() {
  return authenticatorErrors.error('authenticator_not_found', 'There is no such key. It may have been removed.');
}

function known(present: AuthenticatorRow | undefined): AuthenticatorRow {
  if (present === undefined) throw new Error('a command changes an authenticator that does not exist');
  return present;
}
