import type { RecordedKind } from '@countersign/commands';
import type { Notices, PrincipalId } from '@countersign/contracts';
import { type Clock, membersOf } from '@countersign/kernel';
import { en } from '../texts/en.ts';
import type { AccountLockRow, AccountLockState, LockStore } from './lock-store.ts';
import { noticeIdOf } from './records.ts';

export type AccountLockKind = RecordedKind<PrincipalId, AccountLockState, AccountLockRow>;

/** Account locks as recorded things (docs/adr/0057); an unlocked account has no row. */
export function createAccountLockKind(dependencies: {
  readonly locks: LockStore;
  readonly notices?: Notices | undefined;
  readonly clock: Clock;
}): AccountLockKind {
  const { locks, notices, clock } = dependencies;
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
    async notify({ locked }, { id, record }) {
      const [kind, text] = locked
        ? (['account-locked', en.notices.locked] as const)
        : (['account-unlocked', en.notices.unlocked] as const);
      await notices?.notify({ id: noticeIdOf(record), to: id, kind, text });
    },
  };
}
