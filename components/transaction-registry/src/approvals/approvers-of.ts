import type { TransactionId } from '@countersign/kernel';
import type { RegistryLog } from '../proof/proven-store.ts';

/**
 * Everyone who has approved a transaction and has not taken it back, as the log tells it: an approval whose row somebody has
 * removed was given all the same.
 */
export async function approversOf(
  transaction: TransactionId,
  log: Pick<RegistryLog, 'search'>,
): Promise<readonly string[]> {
  const entries = await log.search({ transaction, types: ['approval.given', 'approval.withdrawn'], withheld: true });
  const approvals = entries.map(({ record: { type, subject, data } }) => ({
    type,
    approver: subject?.id,
    id: (data as { readonly approval_id?: string } | undefined)?.approval_id,
  }));
  const withdrawn = new Set(approvals.flatMap(({ type, id }) => (type === 'approval.withdrawn' ? [id] : [])));
  return approvals.flatMap(({ type, id, approver }) =>
    type === 'approval.given' && approver !== undefined && !withdrawn.has(id) ? [approver] : [],
  );
}
