import { type Approval, type Directory, type ShownToApprover, transactionErrors } from '@countersign/contracts';
import type { Clock, CodedError, Random, TransactionId } from '@countersign/kernel';
import type { AccountDependencies } from './approvals/account.ts';
import type { Approver } from './approvals/approver.ts';
import { actorOf, publicPart, recordGiven } from './approvals/give.ts';
import { judge } from './approvals/judge.ts';
import {
  type BroughtApproval,
  digestOfBrought,
  type ReadingDependencies,
  readApproval,
} from './approvals/read-approval.ts';
import type { AuthenticatorsHeld } from './approvals/standing.ts';
import type { RegistryLog, Store } from './proof/proven-store.ts';
import { recordAbout } from './records.ts';
import type { StoredTransaction } from './store.ts';

export interface ApproveDependencies extends ReadingDependencies {
  readonly store: Store;
  readonly audit: RegistryLog;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly authenticators?: AuthenticatorsHeld;
  readonly signalsOf?: AccountDependencies['signalsOf'];
  readonly clock: Clock;
  readonly random: Random;
}

/** Takes an approval that a person signed; see the contract. Refusals are recorded before they are told. */
export async function approveTransaction(
  id: TransactionId,
  brought: BroughtApproval,
  shown: ShownToApprover | undefined,
  dependencies: ApproveDependencies,
): Promise<Approval> {
  return dependencies.store.inUnit(async (unit) => {
    const transaction = await unit.lock(id);
    if (transaction === undefined)
      throw transactionErrors.error('transaction_not_found', 'There is no such transaction.');
    const read = readApproval(brought, dependencies);
    if ('fault' in read) return refuse(transaction, brought, read.fault, undefined, dependencies);
    const { signed, approver } = read;
    const judged = await judge({ ...signed, approver }, transaction, unit, dependencies);
    if (!judged.counts) return refuse(transaction, brought, judged.fault, approver, dependencies);
    const { claims } = signed;
    const approval = await recordGiven(
      { transaction, approver, claims, role: judged.role, brought, shown },
      dependencies,
    );
    await unit.putApproval(approval);
    return publicPart(approval);
  });
}

/** @param approver where the signature was genuine */
async function refuse(
  transaction: StoredTransaction,
  brought: BroughtApproval,
  fault: CodedError,
  approver: Approver | undefined,
  { audit, clock, random }: ApproveDependencies,
): Promise<never> {
  await audit.append({
    ...recordAbout(transaction, { clock, random }),
    type: 'approval.refused',
    outcome: 'deny',
    reason: fault.code,
    references: [transaction.openedRecordId],
    ...(approver === undefined ? {} : { subject: actorOf(approver) }),
    payload: digestOfBrought(brought),
    data: { state: transaction.state, detail: fault.detail },
  });
  throw fault;
}
