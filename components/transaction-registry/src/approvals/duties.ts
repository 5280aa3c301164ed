import { type Actor, approverRoles, type DirectorySnapshot, transactionErrors } from '@countersign/contracts';
import { type CodedError, membersOf, type TransactionId } from '@countersign/kernel';
import type { Duties } from '../life-cycles/index.ts';
import type { RegistryLog } from '../proof/proven-store.ts';
import type { StoredTransaction } from '../store/store.ts';

/**
 * Separation of duties. Earlier participation counts permanently, even if the approval has expired since.
 *
 * @param approvers of whom an approval was not withdrawn
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
    /** Principals who act on their behalf; the same rules apply to them. */
    readonly actors?: readonly string[] | undefined;
    readonly transaction: Pick<StoredTransaction, 'initiator' | 'carriedBy'>;
    readonly approvers: readonly string[];
    readonly directory: Pick<DirectorySnapshot, 'principal'>;
  },
): CodedError | undefined {
  if (duties === undefined) return undefined;
  const principal = directory.principal(by.id);
  if (duties.person === true && principal?.kind !== 'person')
    return transactionErrors.error('person_required', 'A person must take this step; software cannot.');
  const hands = [by.id, ...actors];
  if (
    duties.notInitiator === true &&
    hands.some((hand) => hand === transaction.initiator || hand === transaction.carriedBy)
  )
    return transactionErrors.error(
      'duties_combined',
      'The initiator of a transaction cannot take this step. Another person must take it.',
    );
  if (duties.notApprover === true && approvers.some((approver) => hands.includes(approver)))
    return transactionErrors.error(
      'duties_combined',
      'An approver of a transaction cannot take this step. Another person must take it.',
    );
  if (duties.approver === true && !approverRoles.some((role) => principal?.roles.includes(role)))
    return transactionErrors.error(
      'approval_role',
      `This step needs one of the approver roles ${approverRoles.join(', ')}.`,
    );
  return undefined;
}

export async function approversOf(
  transaction: TransactionId,
  log: Pick<RegistryLog, 'search'>,
): Promise<readonly string[]> {
  const entries = await log.search({ transaction, types: ['approval.given', 'approval.withdrawn'], withheld: true });
  const approvals = entries.map(({ record: { type, subject, data } }) => ({
    type,
    approver: subject?.id,
    id: membersOf(data)?.['approval_id'],
  }));
  const withdrawn = new Set(approvals.flatMap(({ type, id }) => (type === 'approval.withdrawn' ? [id] : [])));
  return approvals.flatMap(({ type, id, approver }) =>
    type === 'approval.given' && approver !== undefined && !withdrawn.has(id) ? [approver] : [],
  );
}
