import {
  type Actor,
  type Approval,
  appendOnce,
  ended,
  type RecordDraft,
  recordIdAfter,
  transactionErrors,
} from '@countersign/contracts';
import type { ApprovalId, Clock, CodedError, Random, TransactionId } from '@countersign/kernel';
import { publicPart } from './approvals/give.ts';
import { approvalClaim } from './proof/held.ts';
import type { RegistryLog, Store, Unit } from './proof/proven-store.ts';
import { recordAbout } from './records.ts';
import type { StoredApproval } from './store/approvals.ts';
import type { StoredTransaction } from './store.ts';

export interface WithdrawDependencies {
  readonly store: Store;
  readonly audit: RegistryLog;
  readonly clock: Clock;
  readonly random: Random;
}

/** Takes an approval back, by who gave it and before anything rests on it; see the contract. */
export async function withdrawApproval(
  id: TransactionId,
  approval: ApprovalId,
  by: Actor,
  dependencies: WithdrawDependencies,
): Promise<Approval> {
  return dependencies.store.inUnit(async (unit) => {
    const transaction = await unit.lock(id);
    // To everybody else it does not exist: who has approved is told to the parties, and each answers for themselves.
    const given =
      transaction && (await unit.approvals(id)).find((one) => one.id === approval && one.approver === by.id);
    if (transaction === undefined || given === undefined)
      throw transactionErrors.error('approval_not_found', 'You have given no such approval.');
    if (given.withdrawn !== undefined) return publicPart(given);
    if (given.usedVersion !== undefined) return refuse(given, transaction, by, dependencies);
    return publicPart(await withdraw(given, transaction, { by, reason: undefined }, unit, dependencies));
  });
}

/** Evidence first. @param reason where not its giver takes it back */
export async function withdraw(
  given: StoredApproval,
  transaction: StoredTransaction,
  { by, reason }: { readonly by: Actor; readonly reason: string | undefined },
  unit: Unit,
  { audit, clock, random }: Omit<WithdrawDependencies, 'store'>,
): Promise<StoredApproval> {
  const { of } = approvalClaim(given);
  const draft: RecordDraft = {
    ...recordAbout(transaction, { clock, random }),
    id: recordIdAfter(of, given.recordId),
    type: 'approval.withdrawn',
    outcome: 'done',
    references: [given.recordId],
    subject: by,
    standing: [ended(of)],
    data: {
      approval_id: given.id,
      approver: given.approver,
      institution: given.institution,
      role: given.role,
      ...(reason === undefined ? {} : { reason }),
    },
  };
  const withdrawn = { at: (await appendOnce(audit, draft)).time, recordId: draft.id };
  await unit.withdraw(given.id, withdrawn);
  return { ...given, withdrawn };
}

async function refuse(
  given: StoredApproval,
  transaction: StoredTransaction,
  by: Actor,
  { audit, clock, random }: WithdrawDependencies,
): Promise<never> {
  const fault: CodedError = transactionErrors.error(
    'approval_used',
    `The transaction is ${transaction.state} on this approval already: it can no longer be withdrawn.`,
    { facts: { state: transaction.state } },
  );
  await audit.append({
    ...recordAbout(transaction, { clock, random }),
    type: 'approval.refused',
    outcome: 'deny',
    reason: fault.code,
    references: [given.recordId],
    subject: by,
    data: { approval_id: given.id, state: transaction.state, detail: fault.detail },
  });
  throw fault;
}
