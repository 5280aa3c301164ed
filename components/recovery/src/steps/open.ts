import { type Actor, type PrincipalId, recoveryErrors } from '@countersign/contracts';
import type { RecoveryId } from '@countersign/kernel';
import { takeNamedLock } from '@countersign/runtime';
import { openRecoveryThing } from '../recorded-recovery.ts';
import { opened, refusedRecord } from '../records.ts';
import { recoveryDigest, type Words } from '../store.ts';
import { commonMembers, type Step, type StepParts } from './step.ts';

interface Opening extends Words {
  readonly id: RecoveryId;
  readonly person: PrincipalId;
  readonly by: Actor;
}

/** Opens a recovery for a person who has none open. */
export function openStep(parts: StepParts): Step<Opening, { readonly isOpen: boolean }> {
  const { kind, people, settings } = parts;

  function institutionOf({ person: id, by }: Opening): string {
    const person = people.personOf(id);
    if (person === undefined || !people.mayActFor(by, person.institution))
      throw recoveryErrors.error('recovery_person_unknown', 'Your institution has no such person.');
    return person.institution;
  }

  return {
    ...commonMembers,
    kind,
    async facts(session, { ask: { person } }) {
      // A concurrent opening waits here and then sees the first one.
      await takeNamedLock(session, openRecoveryThing(person));
      return { isOpen: await people.isRecovering(person) };
    },
    async check({ ask, facts: { isOpen } }) {
      institutionOf(ask);
      if (ask.by.id === ask.person) throw recoveryErrors.error('recovery_self', 'You cannot open your own recovery.');
      if (isOpen) throw recoveryErrors.error('recovery_standing', 'This person already has an open recovery.');
    },
    next: ({ ask, now }, record) => ({
      person: ask.person,
      institution: institutionOf(ask),
      openedBy: ask.by.id,
      openedAt: now,
      expiresAt: now + settings.openMs,
      digest: recoveryDigest(ask),
      recordId: record,
      functions: settings.functions.map(({ name }) => name),
      approvals: [],
      status: 'waiting',
      endedRecord: undefined,
      invitations: 0,
      coolingOffUntil: undefined,
    }),
    record: ({ ask }, next) => opened(ask.id, next, ask, ask.by),
    refused: ({ category, code }, { ask: { person, by } }) =>
      category === 'unavailable' ? undefined : refusedRecord(parts, { step: 'open', reason: code, by, about: person }),
  };
}
