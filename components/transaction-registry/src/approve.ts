import { type Approval, type AuditAppender, type Directory, transactionErrors } from '@countersign/contracts';
import { type Clock, type CodedError, digestOf, type Random, type TransactionId } from '@countersign/kernel';
import type { KeyCache } from '@countersign/oauth';
import { type ApprovalJws, parseApprovalJws } from './approvals/approval-jws.ts';
import { type Approver, verifyApprover } from './approvals/approver.ts';
import { actorOf, publicPart, recordGiven } from './approvals/give.ts';
import { judge, refusalBy } from './approvals/judge.ts';
import { recordAbout } from './records.ts';
import type { Store, StoredTransaction } from './store.ts';

export interface ApproveDependencies {
  readonly store: Store;
  readonly audit: AuditAppender;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly keys: KeyCache;
  readonly clock: Clock;
  readonly random: Random;
}

/** Takes an approval that a person signed; see the contract. Refusals are recorded before they are told. */
export async function approveTransaction(
  id: TransactionId,
  text: string,
  dependencies: ApproveDependencies,
): Promise<Approval> {
  return dependencies.store.inUnit(async (unit) => {
    const transaction = await unit.lock(id);
    if (transaction === undefined)
      throw transactionErrors.error('transaction_not_found', 'There is no such transaction.');
    const read = readApproval(text, dependencies);
    if ('fault' in read) return refuse(transaction, text, read.fault, undefined, dependencies);
    const { signed, approver } = read;
    const judged = await judge({ ...signed, approver }, transaction, unit, dependencies);
    if (!judged.counts) return refuse(transaction, text, judged.fault, approver, dependencies);
    const { claims, kid } = signed;
    const approval = await recordGiven(
      { transaction, approver, claims, role: judged.role, kid, jws: text },
      dependencies,
    );
    await unit.putApproval(approval);
    return publicPart(approval);
  });
}

type Read = { readonly signed: ApprovalJws; readonly approver: Approver } | { readonly fault: CodedError };

function readApproval(text: string, { directory, keys }: ApproveDependencies): Read {
  try {
    const signed = parseApprovalJws(text);
    return { signed, approver: verifyApprover(signed, directory.snapshot(), keys) };
  } catch (error) {
    return { fault: refusalBy(error) };
  }
}

/** @param approver where the signature was genuine */
async function refuse(
  transaction: StoredTransaction,
  text: string,
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
    // What was sent may be anything: its digest is enough to recognise it by.
    payload: digestOf(text),
    data: { state: transaction.state, detail: fault.detail },
  });
  throw fault;
}
