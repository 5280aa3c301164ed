import { type ApproverRole, approverRoles, transactionErrors } from '@countersign/contracts';
import type { ApprovalCase, ApprovalRule } from './approval-case.ts';

/** The named role if the approver holds it; otherwise `supervisor`, or the only approver role that the person holds. */
export function roleOf({ approver, claims }: Pick<ApprovalCase, 'approver' | 'claims'>): ApproverRole | undefined {
  const held = approverRoles.filter((role) => approver.roles.includes(role));
  if (claims.role !== undefined) return held.find((role) => role === claims.role);
  if (held.includes('supervisor')) return 'supervisor';
  return held.length === 1 ? held[0] : undefined;
}

/** An approver with several roles must name one, because one signature counts for one role. */
export const approverRole: ApprovalRule = (approval) => {
  if (roleOf(approval) !== undefined) return undefined;
  const { approver, claims } = approval;
  const several = claims.role === undefined && approverRoles.some((role) => approver.roles.includes(role));
  return transactionErrors.error(
    'approval_role',
    several
      ? 'This person holds several approver roles. The approval must name one of them in role.'
      : `Approving needs the role ${claims.role ?? approverRoles.join(' or ')}, which this person does not hold.`,
  );
};
