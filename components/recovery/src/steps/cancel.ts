import { type Actor, recoveryErrors, type SignedStatement } from '@countersign/contracts';
import type { RecoveryId } from '@countersign/kernel';
import { decided, requireWaiting, unknownRecovery } from '../judge-approver.ts';
import { cancelled, cancelledByPerson, refusedRecord } from '../records.ts';
import { requireAbout } from '../statement.ts';
import { commonMembers, known, type Step, type StepParts } from './step.ts';

interface Cancelling {
  readonly id: RecoveryId;
  readonly by: Actor;
  readonly words: string;
  /** Whether its row differed from the log and has just been restored. */
  readonly restored: boolean;
}

/** By an operator, before approval or after the revocation. */
export function cancelStep(parts: StepParts): Step<Cancelling> {
  const { kind, people, register } = parts;
  return {
    ...commonMembers,
    kind,
    done: ({ ask: { by, restored }, row, completed }) =>
      (completed || restored) &&
      row?.status === 'cancelled' &&
      people.mayActFor(by, row.institution) &&
      by.id !== row.person
        ? row.status
        : undefined,
    async check(given) {
      const row = known(given);
      const { by } = given.ask;
      if (!people.mayActFor(by, row.institution)) throw unknownRecovery();
      if (by.id === row.person)
        throw recoveryErrors.error(
          'recovery_self',
          'You cannot cancel your own recovery here. Cancel it with your key.',
        );
      if (row.status !== 'waiting' && row.status !== 'ended' && row.status !== 'invited') throw decided(row);
    },
    next: (given) => ({ ...known(given), status: 'cancelled' }),
    async before(given) {
      const { person, status } = known(given);
      // First, so that no invitation link, and no key enrolled with one, outlives the recovery.
      if (status !== 'waiting') await register.revokeAllOf(person, given.ask.by, 'recovery cancelled');
    },
    record: (given) => cancelled(known(given), given.ask.by, given.ask.words),
    ends: () => true,
    refused({ category, code }, { ask: { by }, row }) {
      // Nothing is recorded for a caller without access.
      if (row === undefined || category === 'unavailable' || code === 'recovery_unknown') return undefined;
      return refusedRecord(parts, { step: 'cancel', reason: code, by, about: row });
    },
  };
}

interface CancellingOwn {
  readonly id: RecoveryId;
  readonly statement: SignedStatement;
}

/** By the person, with a key that still works. */
export function cancelOwnStep(parts: StepParts): Step<CancellingOwn> {
  const { kind, people } = parts;
  return {
    ...commonMembers,
    kind,
    done: ({ ask: { statement }, row, completed }) =>
      completed && row?.status === 'cancelled' && row.person === statement.authenticator.person
        ? row.status
        : undefined,
    async check(given) {
      const row = known(given);
      const { ask, now } = given;
      if (row.person !== ask.statement.authenticator.person) throw unknownRecovery();
      requireWaiting(row, now);
      requireAbout(ask.statement, row, { step: 'cancel', now });
    },
    next: (given) => ({ ...known(given), status: 'cancelled' }),
    record: (given) => cancelledByPerson(known(given), given.ask.statement),
    ends: () => true,
    refused({ category, code }, { ask, row }) {
      if (row === undefined || category === 'unavailable' || code === 'recovery_unknown') return undefined;
      const by = people.actorOf(ask.statement.authenticator.person);
      return refusedRecord(parts, { step: 'cancel', reason: code, by, about: row });
    },
  };
}
