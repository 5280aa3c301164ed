import { type DirectorySnapshot, type Person, type Principal, transactionErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { StoredTransaction } from '../store/store.ts';
import type { Wanted } from './wanted.ts';

export interface Quorum {
  readonly transaction: Pick<StoredTransaction, 'initiator'> & Partial<Pick<StoredTransaction, 'carriedBy'>>;
  /** Valid approvals in the order given; see `standingApprovals`. */
  readonly approvals: readonly { readonly approver: string; readonly role: string; readonly institution: string }[];
  readonly directory: Pick<DirectorySnapshot, 'principal'>;
}

const controlFunctions: readonly string[] = ['compliance', 'operations', 'risk'];

/** The approvals still missing, with their counts. An ordered entry counts only approvals given after all entries before it. */
export function missingApprovals(wanted: readonly Wanted[], quorum: Quorum): readonly Wanted[] {
  return wanted.flatMap((want, index) => {
    const from = want.ordered ? completeAt(wanted.slice(0, index), quorum) : 0;
    const approvers = new Set(
      quorum.approvals
        .slice(from)
        .filter((approval) => countsFor(want, approval, quorum))
        .map(({ approver }) => approver),
    );
    const count = want.count - approvers.size;
    return count > 0 ? [{ ...want, count }] : [];
  });
}

function completeAt(ahead: readonly Wanted[], quorum: Quorum): number {
  const { approvals } = quorum;
  for (let given = 0; given <= approvals.length; given++)
    if (missingApprovals(ahead, { ...quorum, approvals: approvals.slice(0, given) }).length === 0) return given;
  return approvals.length;
}

/** @returns CodedError `approval_required`, with what is missing as `obligations`; undefined when nothing is */
export function quorumFault(wanted: readonly Wanted[], quorum: Quorum): CodedError | undefined {
  const missing = missingApprovals(wanted, quorum);
  if (missing.length === 0) return undefined;
  return transactionErrors.error('approval_required', `This needs ${missing.map(wordsOf).join(' and ')}.`, {
    facts: {
      obligations: missing.map(({ role, count, institution, independent }) => ({
        kind: 'approval',
        role,
        count,
        institution,
        ...(independent ? { independent } : {}),
        escalation: [],
      })),
      reasons: [],
    },
  });
}

export function countsFor(
  want: Pick<Wanted, 'role' | 'institution' | 'independent'>,
  approval: Quorum['approvals'][number],
  { transaction, directory }: Omit<Quorum, 'approvals'>,
): boolean {
  const { approver, role, institution } = approval;
  if (role !== want.role || institution !== want.institution || approver === transaction.initiator) return false;
  const person = directory.principal(approver);
  if (person?.kind !== 'person') return false;
  const desk = directory.principal(transaction.initiator)?.desk;
  // A desk head approves for their own desk. A desk head without a desk heads several.
  if (role === 'desk-head' && person.desk !== undefined && person.desk !== desk) return false;
  if (!want.independent) return true;
  // The desk of a person who took the transaction over must not check itself either.
  const { carriedBy = null } = transaction;
  const theirs = carriedBy === null ? undefined : directory.principal(carriedBy)?.desk;
  return isIndependent(person, role, [desk, theirs]);
}

function isIndependent(person: Person, role: string, desks: readonly Principal['desk'][]): boolean {
  const deals = person.roles.includes('trader');
  return controlFunctions.includes(role) && !deals && (person.desk === undefined || !desks.includes(person.desk));
}

function wordsOf({ role, count, institution, independent }: Wanted): string {
  const of = independent ? `${role}, from a different desk than the initiator,` : role;
  return `${count === 1 ? 'the approval of one person' : `the approvals of ${count} people`} of ${of} at ${institution}`;
}
