import { recoveryErrors, type SignedStatement } from '@countersign/contracts';
import { type RecoveryId, toInstant } from '@countersign/kernel';
import type { Approver } from '../judge-approver.ts';
import { approved, refusedRecord } from '../records.ts';
import { isAbout, requireAbout } from '../statement.ts';
import { type About, commonMembers, known, type Step, type StepParts } from './step.ts';

interface Approving {
  readonly id: RecoveryId;
  readonly statement: SignedStatement;
}
interface Facts {
  readonly approver: Approver | undefined;
}

/** Approval by one function. The last approval starts the revocation of the person's credentials. */
export function approveStep(parts: StepParts): Step<Approving, Facts> {
  const { kind, people, settings } = parts;
  const functionOf = (given: About<Approving, Facts>) =>
    people.functionOf(known(given), given.facts.approver, given.now);

  return {
    ...commonMembers,
    kind,
    facts: async (_session, { ask: { statement }, row }) => ({
      approver: row && (await people.approverOf(statement.authenticator.person, row)),
    }),
    done({ ask: { statement }, row, now }) {
      // A repeated approval has no effect.
      const given = row?.approvals.find(({ by }) => by === statement.authenticator.person);
      if (row === undefined || given === undefined) return undefined;
      return isAbout(statement, row, { step: 'approve', function: given.function, now }) ? row.status : undefined;
    },
    async check(given) {
      const { ask, now } = given;
      const row = known(given);
      const { name } = functionOf(given);
      await people.requireStillApproved(row);
      requireAbout(ask.statement, row, { step: 'approve', function: name, now });
      if (!settings.acrValues.includes(ask.statement.authenticator.acr))
        throw recoveryErrors.error('recovery_statement', 'Recoveries cannot be approved with this class of key.');
    },
    next(given, recordId) {
      const row = known(given);
      const by = given.ask.statement.authenticator.person;
      const approval = { by, function: functionOf(given).name, at: toInstant(given.now), recordId };
      const approvals = [...row.approvals, approval];
      return { ...row, approvals, status: approvals.length < row.functions.length ? 'waiting' : 'approved' };
    },
    record: (given) => approved(known(given), given.ask.statement, functionOf(given).name),
    refused({ category, code }, { ask, row }) {
      if (row === undefined || category === 'unavailable') return undefined;
      const by = people.actorOf(ask.statement.authenticator.person);
      return refusedRecord(parts, { step: 'approve', reason: code, by, about: row });
    },
  };
}
