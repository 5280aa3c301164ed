import { type DirectorySnapshot, type TransactionFacts, tradesOnSameDesk } from '@countersign/contracts';

type Approvals = TransactionFacts['approvals'];

const nobody: Approvals = [];

/**
 * The approvals that count: by people of the initiator's institution other than the initiator. A desk head counts only for the own
 * desk; a desk head without a desk heads several. Traders of the initiator's desk do not count in other roles; see `tradesOnSameDesk`.
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
