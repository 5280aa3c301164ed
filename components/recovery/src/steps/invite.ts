import { type Actor, type EnrolmentInvitation, recoveryErrors } from '@countersign/contracts';
import type { RecoveryId } from '@countersign/kernel';
import { decided, requireInTime, unknownRecovery } from '../judge-approver.ts';
import { invited, notLetThrough } from '../records.ts';
import { coolOff } from './follow.ts';
import { type About, known, nothing, type Step, type StepParts } from './step.ts';

const mostInvitations = 3;
const longestInvitationHours = 24;
const hourMs = 3_600_000;

interface Inviting {
  readonly id: RecoveryId;
  readonly by: Actor;
}
interface Facts {
  readonly enrolled: boolean;
}

/**
 * The link with which the person enrols. It is made before its record and shown after it: one that was made in vain is seen by
 * nobody, and ends with the next.
 *
 * @returns a step for one link
 */
export function inviteStep(parts: StepParts): Step<Inviting, Facts, EnrolmentInvitation> {
  const { kind, people, register } = parts;
  let made: EnrolmentInvitation | undefined;

  function link(): EnrolmentInvitation {
    if (made === undefined) throw new Error('a link is released that was not made');
    return made;
  }
  function endOf(given: About<Inviting, Facts>) {
    const { endedRecord } = known(given);
    if (endedRecord === undefined) throw notReady();
    return endedRecord;
  }

  return {
    kind,
    about: ({ id }) => id,
    facts: async (_session, { row }) => ({
      enrolled: row !== undefined && (await register.of(row.person)).length > 0,
    }),
    done: () => undefined,
    async check(given) {
      const row = known(given);
      const { by } = given.ask;
      if (!people.mayActFor(by, row.institution)) throw unknownRecovery();
      if (by.id === row.person) throw recoveryErrors.error('recovery_self', 'Nobody invites themselves.');
      if (row.approvals.some((approval) => approval.by === by.id))
        throw recoveryErrors.error('recovery_same_person', 'Who approved it does not hand over the link.');
      if (row.status === 'waiting' || row.status === 'approved') throw notReady();
      if (row.status !== 'ended' && row.status !== 'invited') throw decided(row);
      requireInTime(row, given.now);
      if (given.facts.enrolled) throw recoveryErrors.error('recovery_decided', 'The person has enrolled already.');
      if (row.invitations >= mostInvitations)
        throw recoveryErrors.error('recovery_invitations_spent', 'Three links were handed out; open a new recovery.');
    },
    next(given) {
      const row = known(given);
      return { ...row, status: 'invited', invitations: row.invitations + 1 };
    },
    async before(given) {
      const row = known(given);
      await coolOff(parts, row);
      const hours = Math.floor((row.expiresAt - given.now) / hourMs);
      made = await register.invite(
        {
          person: row.person,
          evidence: row.evidence,
          lifeHours: Math.min(longestInvitationHours, Math.max(1, hours)),
          recovery: endOf(given),
        },
        given.ask.by,
      );
    },
    record: (given) => invited(known(given), given.ask.by, endOf(given), link().recordId),
    ends: () => false,
    refused({ category, code }, { ask: { by }, row }) {
      if (row === undefined || category === 'unavailable' || code === 'recovery_unknown') return undefined;
      return notLetThrough(parts, { step: 'invite', reason: code, by, about: row });
    },
    after: nothing,
    release: link,
  };
}

const notReady = () => recoveryErrors.error('recovery_not_ready', 'What the person had has not ended yet.');
