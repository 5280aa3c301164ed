import { type Person, type PrincipalId, recordIdOfCommand, transactionErrors } from '@countersign/contracts';
import {
  type CodedError,
  membersOf,
  type Random,
  type RecordId,
  type TransactionId,
  toInstant,
} from '@countersign/kernel';
import { type ApprovalViewDependencies, approversOf } from './approval-view.ts';
import { circumstancesOf, passesRules } from './approvals/judge.ts';
import { notVisible } from './explain-refusal.ts';
import { type OneRecordSteps, type RecordedSubject, recordOnce } from './proof/commands.ts';
import type { RegistryLog, Unit } from './proof/proven-store.ts';
import { changeAbout, recordAbout, strategyOf } from './records.ts';
import type { StoredDecline } from './store/approvals.ts';
import type { StoredTransaction } from './store/store.ts';

export type DeclineDependencies = ApprovalViewDependencies & {
  readonly audit: RegistryLog;
  readonly random: Random;
};

const longestReason = 500;

export async function declineApproval(
  id: TransactionId,
  by: PrincipalId,
  reason: string,
  dependencies: DeclineDependencies,
): Promise<{ readonly recordId: RecordId }> {
  const said = reason.trim();
  if (said === '' || said.length > longestReason)
    throw transactionErrors.error('decline_reason', `Give a reason of 1 to ${longestReason} characters.`, {
      facts: { field: 'reason' },
    });
  return recordOnce(declining(dependencies), declines, dependencies, { transaction: id, by, reason: said });
}

interface Declining {
  readonly transaction: TransactionId;
  readonly by: PrincipalId;
  readonly reason: string;
}
interface Deciding {
  readonly transaction: StoredTransaction;
  readonly person: Person;
  readonly earlier: StoredDecline | undefined;
}
interface Declined {
  readonly transaction: TransactionId;
  readonly decline: StoredDecline;
}

function declining(
  dependencies: DeclineDependencies,
): OneRecordSteps<Declining, StoredTransaction, Deciding, void, Declined, { readonly recordId: RecordId }> {
  const actorOf = ({ id, institution }: Person) => ({ id, institution });
  return {
    async facts(unit, { ask, row }) {
      const person = dependencies.directory.snapshot().principal(ask.by);
      if (row === undefined || person?.kind !== 'person' || !approversOf(row).has(person.institution))
        throw notVisible();
      const earlier = (await unit.declines(row.id)).find(({ approver }) => approver === ask.by);
      return { transaction: row, person, earlier };
    },
    done: ({ facts: { earlier } }) => earlier && { recordId: earlier.recordId },
    async check({ facts: { transaction, person } }, unit) {
      const fault = await declineFault(transaction, person, unit, dependencies);
      if (fault !== undefined) throw fault;
    },
    once: ({ facts: { transaction, person } }) => recordIdOfCommand({ declined: transaction.id, approver: person.id }),
    next: ({ ask, facts: { transaction, person }, now }, recordId) => ({
      transaction: transaction.id,
      decline: {
        approver: person.id,
        institution: person.institution,
        reason: ask.reason,
        at: toInstant(now),
        recordId,
      },
    }),
    before: async () => undefined,
    record: ({ ask, facts: { transaction, person } }) => ({
      ...changeAbout(transaction),
      type: 'approval.declined',
      outcome: 'deny',
      reason: 'approval_declined',
      references: [transaction.openedRecordId],
      subject: actorOf(person),
      data: { state: transaction.state },
      protectedValues: strategyOf(person.institution, { reason: ask.reason }),
    }),
    refused: (error, { facts }) =>
      facts === undefined || !Object.hasOwn(transactionErrors.codes, error.code)
        ? undefined
        : {
            ...recordAbout(facts.transaction, dependencies),
            type: 'approval.refused',
            outcome: 'deny',
            reason: error.code,
            references: [facts.transaction.openedRecordId],
            subject: actorOf(facts.person),
            data: { state: facts.transaction.state, detail: error.detail },
          },
    after: async () => undefined,
    release: ({ decline: { recordId } }) => ({ recordId }),
  };
}

const declines: RecordedSubject<Declining, StoredTransaction, Declined> = {
  hold: (unit, { transaction }) => unit.lock(transaction),
  /** The first recorded reason and time count, also if the process died before storing them. */
  recorded({ transaction, decline }, { time, before }) {
    const said = membersOf(before?.data)?.['reason'];
    return { transaction, decline: { ...decline, at: time, ...(typeof said === 'string' ? { reason: said } : {}) } };
  },
  put: (unit, { transaction, decline }) => unit.putDecline(transaction, decline),
};

/** Only somebody who could approve in some role may decline. */
async function declineFault(
  transaction: StoredTransaction,
  person: Person,
  unit: Unit,
  dependencies: DeclineDependencies,
): Promise<CodedError | undefined> {
  return passesRules(person, await circumstancesOf(person.id, transaction, unit, dependencies)).fault;
}
