import type { Command } from '@countersign/commands';
import type { Actor, PrincipalId } from '@countersign/contracts';

import type { Parts } from './dependencies.ts';
import type { AccountLockRow, AccountLockState } from './lock-store.ts';
import { aboutPerson, done } from './records.ts';

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

/** Locking a locked account, and unlocking an unlocked one, needs no record. */
export function createLockCommands({ authenticators, locks, directory, random, kinds }: Parts) {
  const command = (wanted: boolean): LockCommand => ({
    kind: kinds.lock,
    about: ({ person }) => person,
    // A row without a record still locks the account.
    unproven: 'none',
    async facts(session, { ask: { person }, row }) {
      await authenticators.lockPerson(session, person, random.bytes(32));
      // Unlocking also removes a row without a record.
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
