import type { DirectorySnapshot, TransactionFacts } from '@countersign/contracts';

type Approvals = TransactionFacts['approvals'];

const nobody: Approvals = [];

/**
 * The approvals that count: by others than the initiator, of its institution. The head of a desk speaks for that desk: of
 * another desk's head nothing is counted. Who heads a desk and belongs to none, heads several.
 */
export function countingApprovals(
  { approvals, initiator, initiatorInstitution }: TransactionFacts,
  directory: Pick<DirectorySnapshot, 'principal'>,
): Approvals {
  if (approvals.length === 0) return nobody;
  const desk = directory.principal(initiator)?.desk;
  return approvals.filter(({ approver, role, institution }) => {
    if (institution !== initiatorInstitution || approver === initiator) return false;
    if (role !== 'desk-head') return true;
    const headed = directory.principal(approver)?.desk;
    return headed === undefined || headed === desk;
  });
}
