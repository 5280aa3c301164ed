import { type Actor, type EnrolmentInvitation, recoveryErrors } from '@countersign/contracts';
import type { RecoveryId } from '@countersign/kernel';
import { decided, requireInTime, unknownRecovery } from '../judge-approver.ts';
import { invited, refusedRecord } from '../records.ts';
import { coolOff } from './follow.ts';
import { type About, commonMembers, known, type Step, type StepParts } from './step.ts';

const maxInvitations = 3;
const longestInvitationHours = 24;
const hourMs = 3_600_000;

interface Inviting {
  readonly id: RecoveryId;
  readonly by: Actor;
}
interface Facts {
  readonly enrolled: boolean;
}

/** A step for one link. The link is made before its record and shown afterwards; if recording fails, nobody has seen it. */
export function inviteStep(parts: StepParts): Step<Inviting, Facts, EnrolmentInvitation> {
  const { kind, people, register } = parts;
  let made: EnrolmentInvitation | undefined;

  function link(): EnrolmentInvitation {
    if (made === undefined) throw new Error('a link is released before it was created');
    return made;
  }
  function endOf(given: About<Inviting, Facts>) {
    const { endedRecord } = known(given);
    if (endedRecord === undefined) throw notReady();
    return endedRecord;
  }

  return {
    ...commonMembers,
    kind,
    facts: async (_session, { row }) => ({
      enrolled: row !== undefined && (await register.of(row.person)).length > 0,
    }),
    async check(given) {
      const row = known(given);
      const { by } = given.ask;
      if (!people.mayActFor(by, row.institution)) throw unknownRecovery();
      if (by.id === row.person) throw recoveryErrors.error('recovery_self', 'You cannot invite yourself.');
      if (row.approvals.some((approval) => approval.by === by.id))
        throw recoveryErrors.error(
          'recovery_same_person',
          'An approver cannot hand over the link. Ask another operator.',
        );
      if (row.status === 'waiting' || row.status === 'approved') throw notReady();
      if (row.status !== 'ended' && row.status !== 'invited') throw decided(row);
      requireInTime(row, given.now);
      if (given.facts.enrolled) throw recoveryErrors.error('recovery_decided', 'The person has already enrolled.');
      if (row.invitations >= maxInvitations)
        throw recoveryErrors.error(
          'recovery_invitations_spent',
          'Three links have been created, which is the limit. Open a new recovery.',
        );
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
    refused({ category, code }, { ask: { by }, row }) {
      if (row === undefined || category === 'unavailable' || code === 'recovery_unknown') return undefined;
      return refusedRecord(parts, { step: 'invite', reason: code, by, about: row });
    },
    release: link,
  };
}

const notReady = () =>
  recoveryErrors.error('recovery_not_ready', 'The person’s credentials have not been revoked yet.');
