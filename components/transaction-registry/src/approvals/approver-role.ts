import { type ApproverRole, approverRoles, transactionErrors } from '@countersign/contracts';
import type { ApprovalCase, ApprovalRule } from './approval-case.ts';

/**
 * The one role in which an approval counts: the one it names, if the approver has it. One that names none is a
 * supervisor's, or given in the only other role that the approver has.
 */
export function roleOf({ approver, claims }: Pick<ApprovalCase, 'approver' | 'claims'>): ApproverRole | undefined {
  const held = approverRoles.filter((role) => approver.roles.includes(role));
  if (claims.role !== undefined) return held.find((role) => role === claims.role);
  if (held.includes('supervisor')) return 'supervisor';
  return held.length === 1 ? held[0] : undefined;
}

/** Whose roles are several says in which of them: one signature is not two people's. */
export const approverRole: ApprovalRule = (approval) => {
  if (roleOf(approval) !== undefined) return undefined;
  const { approver, claims } = approval;
  const several = claims.role === undefined && approverRoles.some((role) => approver.roles.includes(role));
  return transactionErrors.error(
    'approval_role',
    several
      ? 'This person may approve in several roles: the approval must name one of them as its role.'
      : `Approving needs the role ${claims.role ?? approverRoles.join(' or ')}, which this person does not have.`,
  );
};
