import { type BatchApproval, type ShownToApprover, transactionErrors } from '@countersign/contracts';
import type { CodedError, TransactionId } from '@countersign/kernel';
import type { SignedItem } from './approvals/approval-claims.ts';
import { type BroughtApproval, readBatch } from './approvals/read-approval.ts';
import { type ApproveDependencies, type Approving, approvals, approving, unnamedRefusal } from './approve.ts';
import { sayAll } from './proof/commands.ts';

export async function approveBatch(
  brought: BroughtApproval,
  shown: ReadonlyMap<TransactionId, ShownToApprover> | undefined,
  dependencies: ApproveDependencies,
): Promise<BatchApproval> {
  const read = readBatch(brought, dependencies);
  if ('fault' in read) return refuse(read.fault);
  // A list shown on our page must be exactly the signed list, not one from another open page.
  const isShown = ({ txn }: SignedItem) => shown === undefined || shown.has(txn);
  if ((shown !== undefined && shown.size !== read.signed.items.length) || !read.signed.items.every(isShown))
    return refuse(
      transactionErrors.error(
        'approval_batch_root',
        'The signed list is not the list that was shown. Review and sign it again.',
      ),
    );
  const { signed, approver } = read;
  const { claims, items, root } = signed;
  const asks = items.map(
    (item): Approving => ({
      transaction: item.txn,
      brought,
      read: { signed: { claims, item }, approver },
      shown: shown?.get(item.txn),
      root,
    }),
  );
  return { root, approvals: await sayAll(approving(dependencies), approvals(dependencies), dependencies, asks) };

  async function refuse(fault: CodedError): Promise<never> {
    await dependencies.audit.append(unnamedRefusal({ brought, read }, fault, dependencies));
    throw fault;
  }
}
