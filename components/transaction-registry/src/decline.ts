import {
  appendOnce,
  type Person,
  type PrincipalId,
  type RecordDraft,
  recordIdOfCommand,
  transactionErrors,
} from '@countersign/contracts';
import type { CodedError, Random, RecordId, TransactionId } from '@countersign/kernel';
import { type ApprovalViewDependencies, approversOf } from './approval-view.ts';
import { accountOf } from './approvals/account.ts';
import { passesRules } from './approvals/may-approve.ts';
import { standingApprovals } from './approvals/standing.ts';
import type { RegistryLog, Unit } from './proof/proven-store.ts';
import { recordAbout, strategyOf } from './records.ts';
import type { StoredTransaction } from './store.ts';

export type DeclineDependencies = ApprovalViewDependencies & {
  readonly audit: RegistryLog;
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
    throw transactionErrors.error('decline_reason', `Say why, in 1 to ${longestReason} characters.`, {
      facts: { field: 'reason' },
    });
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
    const declined: RecordDraft = {
      ...about,
      id: recordIdOfCommand({ declined: transaction.id, approver: person.id }),
      type: 'approval.declined',
      outcome: 'deny',
      reason: 'approval_declined',
      references: [transaction.openedRecordId],
      subject,
      data: { state: transaction.state },
      protectedValues: strategyOf(person.institution, { reason: said }),
    };
    await unit.putDecline(id, {
      approver: person.id,
      institution: person.institution,
      ...(await firstWord(declined, said, audit)),
      recordId: declined.id,
    });
    return { recordId: declined.id };
  });
}

/** What was said first, and when: now, or before a process died that had recorded it and not stored it. */
async function firstWord(
  draft: RecordDraft,
  reason: string,
  audit: DeclineDependencies['audit'],
): Promise<{ readonly reason: string; readonly at: string }> {
  const { time, before } = await appendOnce(audit, draft);
  const said = (before?.data as { readonly reason?: unknown } | undefined)?.reason;
  return { reason: typeof said === 'string' ? said : reason, at: time };
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
