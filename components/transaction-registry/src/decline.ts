import { type AuditAppender, type Person, type PrincipalId, transactionErrors } from '@countersign/contracts';
import { type CodedError, type Random, type RecordId, type TransactionId, toInstant } from '@countersign/kernel';
import { type ApprovalViewDependencies, approversOf } from './approval-view.ts';
import { accountOf } from './approvals/account.ts';
import { passesRules } from './approvals/may-approve.ts';
import { standingApprovals } from './approvals/standing.ts';
import { recordAbout, strategyOf } from './records.ts';
import type { StoredTransaction, Unit } from './store.ts';

export type DeclineDependencies = ApprovalViewDependencies & {
  readonly audit: AuditAppender;
  readonly random: Random;
};

const longestReason = 500;

/** Somebody who might approve a transaction will not; see the contract. */
export async function declineApproval(
  id: TransactionId,
  by: PrincipalId,
  reason: string,
  dependencies: DeclineDependencies,
): Promise<{ readonly recordId: RecordId }> {
  const { store, directory, audit, clock, random } = dependencies;
  const said = reason.trim();
  if (said === '' || said.length > longestReason)
    throw transactionErrors.error('decline_reason', `Say why, in 1 to ${longestReason} characters.`);
  return store.inUnit(async (unit) => {
    const transaction = await unit.lock(id);
    const person = directory.snapshot().principal(by);
    if (transaction === undefined || person?.kind !== 'person' || !approversOf(transaction).has(person.institution))
      throw transactionErrors.error(
        'transaction_not_found',
        'There is no such transaction, or it is not yours to see.',
      );
    const earlier = (await unit.declines(id)).find(({ approver }) => approver === by);
    if (earlier !== undefined) return { recordId: earlier.recordId };
    const about = recordAbout(transaction, { clock, random });
    const subject = { id: person.id, institution: person.institution };
    const fault = await declineFault(transaction, person, unit, dependencies);
    if (fault !== undefined) {
      await audit.append({
        ...about,
        type: 'approval.refused',
        outcome: 'deny',
        reason: fault.code,
        references: [transaction.openedRecordId],
        subject,
        data: { state: transaction.state, detail: fault.detail },
      });
      throw fault;
    }
    await audit.append({
      ...about,
      type: 'approval.declined',
      outcome: 'deny',
      reason: 'approval_declined',
      references: [transaction.openedRecordId],
      subject,
      data: { state: transaction.state },
      protectedValues: strategyOf(person.institution, { reason: said }),
    });
    await unit.putDecline(id, {
      approver: person.id,
      institution: person.institution,
      reason: said,
      at: toInstant(clock.now()),
      recordId: about.id,
    });
    return { recordId: about.id };
  });
}

/** Who could not approve it in any role has no word to refuse either. */
async function declineFault(
  transaction: StoredTransaction,
  person: Person,
  unit: Unit,
  { directory, authenticators, signalsOf, clock }: DeclineDependencies,
): Promise<CodedError | undefined> {
  const now = clock.now();
  const given = await unit.approvals(transaction.id);
  return passesRules(person, {
    account: await accountOf(person.id, { authenticators, signalsOf }),
    transaction,
    past: await unit.transitions(transaction.id),
    given,
    standing: await standingApprovals(transaction, given, now, { directory, authenticators, signalsOf }),
    directory: directory.snapshot(),
    now,
  }).fault;
}
