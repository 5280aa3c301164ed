import { type Actor, approverRoles, type DirectorySnapshot, transactionErrors } from '@countersign/contracts';
import type { CodedError, TransactionId } from '@countersign/kernel';
import type { Duties } from '../life-cycles/index.ts';
import type { RegistryLog } from '../proof/proven-store.ts';
import type { StoredTransaction } from '../store/store.ts';

/**
 * Whether who carries out a step is somebody else than those whose work it checks. A part that was played counts for
 * good: an approval that has expired since was given all the same.
 *
 * @param approvers of whom an approval was not withdrawn
 * @returns CodedError `duties_combined`, `person_required`, `approval_role`, or undefined
 */
export function dutiesFault(
  duties: Duties | undefined,
  {
    by,
    actors = [],
    transaction,
    approvers,
    directory,
  }: {
    readonly by: Actor;
    /** Those who act for them; what they may not do themselves they may not do in somebody's name. */
    readonly actors?: readonly string[] | undefined;
    readonly transaction: Pick<StoredTransaction, 'initiator' | 'carriedBy'>;
    readonly approvers: readonly string[];
    readonly directory: Pick<DirectorySnapshot, 'principal'>;
  },
): CodedError | undefined {
  if (duties === undefined) return undefined;
  const principal = directory.principal(by.id);
  if (duties.person === true && principal?.kind !== 'person')
    return transactionErrors.error(
      'person_required',
      'This is for a person to do, not for a machine of its own accord.',
    );
  const hands = [by.id, ...actors];
  if (
    duties.notInitiator === true &&
    hands.some((hand) => hand === transaction.initiator || hand === transaction.carriedBy)
  )
    return transactionErrors.error('duties_combined', 'Who began a transaction leaves this step to somebody else.');
  if (duties.notApprover === true && approvers.some((approver) => hands.includes(approver)))
    return transactionErrors.error('duties_combined', 'Who approved a transaction leaves this step to somebody else.');
  if (duties.approver === true && !approverRoles.some((role) => principal?.roles.includes(role)))
    return transactionErrors.error(
      'approval_role',
      `This is for somebody with a role in which people approve: ${approverRoles.join(', ')}.`,
    );
  return undefined;
}

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
