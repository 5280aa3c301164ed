import type { PrincipalId } from '@countersign/contracts';
import type { RecoveryId } from '@countersign/kernel';
import type { Approver } from '../judge-approver.ts';
import { declined, refusedRecord } from '../records.ts';
import { type About, commonMembers, known, type Step, type StepParts } from './step.ts';

interface Refusing {
  readonly id: RecoveryId;
  readonly by: PrincipalId;
  readonly words: string;
}
interface Facts {
  readonly approver: Approver | undefined;
}

/** Rejection by an approver, which ends the recovery. */
export function refuseStep(parts: StepParts): Step<Refusing, Facts> {
  const { kind, people } = parts;
  const functionOf = (given: About<Refusing, Facts>) =>
    people.functionOf(known(given), given.facts.approver, given.now);

  return {
    ...commonMembers,
    kind,
    facts: async (_session, { ask: { by }, row }) => ({ approver: row && (await people.approverOf(by, row)) }),
    done: ({ row, completed, facts: { approver } }) =>
      completed && approver !== undefined && row?.status === 'refused' ? row.status : undefined,
    async check(given) {
      functionOf(given);
    },
    next: (given) => ({ ...known(given), status: 'refused' }),
    record(given) {
      const row = known(given);
      const { by, words } = given.ask;
      const person = { id: by, institution: row.institution };
      return declined(row, { person, function: functionOf(given).name, words });
    },
    ends: () => true,
    refused({ category, code }, { ask: { by }, row }) {
      if (row === undefined || category === 'unavailable') return undefined;
      return refusedRecord(parts, { step: 'refuse', reason: code, by: people.actorOf(by), about: row });
    },
  };
}
