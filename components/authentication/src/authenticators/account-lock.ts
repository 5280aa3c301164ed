import type { Command, RecordedKind } from '@countersign/commands';
import type { Actor, Notices, PrincipalId } from '@countersign/contracts';
import { type Clock, membersOf } from '@countersign/kernel';
import { en } from '../texts/en.ts';
import type { Parts } from './dependencies.ts';
import type { AccountLockRow, AccountLockState, LockStore } from './lock-store.ts';
import { aboutPerson, done, noticeIdOf } from './records.ts';

export type AccountLockKind = RecordedKind<PrincipalId, AccountLockState, AccountLockRow>;

/** Whether a person is locked out, as a thing that is recorded (docs/adr/0057): there is no row where they are not. */
export function createAccountLockKind({
  locks,
  notices,
  clock,
}: {
  readonly locks: LockStore;
  readonly notices?: Notices | undefined;
  readonly clock: Clock;
}): AccountLockKind {
  return {
    kind: 'account-lock',
    find: (session, person) => locks.find(session, person),
    lock: (session, person) => locks.find(session, person, 'for update'),
    recordOf: ({ recordId }) => recordId,
    content: ({ locked }) => locked,
    carried: ({ locked }) => ({ locked }),
    stateOf: (carried) => ({ locked: membersOf(carried)?.['locked'] === true }),
    put: (session, _state, { id, record }) => locks.put(session, id, record, clock.now()),
    remove: (session, person) => locks.remove(session, person),
    async tell({ locked }, { id, record }) {
      const [kind, text] = locked
        ? (['account-locked', en.notices.locked] as const)
        : (['account-unlocked', en.notices.unlocked] as const);
      await notices?.tell({ id: noticeIdOf(record), to: id, kind, text });
    },
  };
}

interface LockAsk {
  readonly person: PrincipalId;
  readonly by: Actor;
  readonly reason: string;
}
type LockCommand = Command<
  LockAsk,
  PrincipalId,
  AccountLockState,
  AccountLockRow,
  { readonly isLocked: boolean },
  true
>;

/** A person is locked out, and let in again; who is already needs no record. */
export function createLockCommands({ authenticators, locks, directory, random, kinds }: Parts) {
  const command = (wanted: boolean): LockCommand => ({
    kind: kinds.lock,
    about: ({ person }) => person,
    // A row that nobody recorded locks out all the same, until it is taken away.
    unproven: 'none',
    async facts(session, { ask: { person }, row }) {
      await authenticators.lockPerson(session, person, random.bytes(32));
      // Whoever locks wants it on record; whoever unlocks, that nothing is left of it.
      return { isLocked: row !== undefined || (!wanted && (await locks.isLocked(session, person))) };
    },
    done: ({ facts: { isLocked } }) => (isLocked === wanted ? true : undefined),
    check: async () => undefined,
    next: () => ({ locked: wanted }),
    before: async () => undefined,
    record: ({ ask: { person, by, reason } }) =>
      done(wanted ? 'account.locked' : 'account.unlocked', aboutPerson(directory, person), by, { reason }),
    ends: ({ locked }) => !locked,
    refused: () => undefined,
    after: async () => undefined,
    release: () => true,
  });
  return { lock: command(true), unlock: command(false) };
}
