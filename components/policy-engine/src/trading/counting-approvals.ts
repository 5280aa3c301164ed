import { type DirectorySnapshot, type TransactionFacts, tradesOnSameDesk } from '@countersign/contracts';

type Approvals = TransactionFacts['approvals'];

const nobody: Approvals = [];

/**
 * The approvals that count: by others than the initiator, of its institution. The head of a desk speaks for that desk: of
 * another desk's head nothing is counted. Who heads a desk and belongs to none, heads several. Nobody who deals at the desk of
 * the initiator checks it in another role; see `tradesOnSameDesk`.
 */
export function countingApprovals(
  { approvals, initiator, initiatorInstitution, carriedBy = initiator }: TransactionFacts,
  directory: Pick<DirectorySnapshot, 'principal'>,
): Approvals {
  if (approvals.length === 0) return nobody;
  const begun = [directory.principal(initiator), directory.principal(carriedBy)];
  const desk = begun[0]?.desk;
  return approvals.filter(({ approver, role, institution }) => {
    if (institution !== initiatorInstitution || approver === initiator) return false;
    const person = directory.principal(approver);
    if (person !== undefined && tradesOnSameDesk(person, role, begun)) return false;
    if (role !== 'desk-head') return true;
    const headed = person?.desk;
    return headed === undefined || headed === desk;
  });
}
