import { transactionErrors } from '@countersign/contracts';
import type { ApprovalCase, ApprovalRule } from './approval-case.ts';
import { roleOf } from './approver-role.ts';
import { approvingSteps } from './approving-steps.ts';
import { countsFor, missingApprovals } from './quorum.ts';
import { type Wanted, wantedByRule } from './wanted.ts';

/** Who has the last word speaks last: with the approvals that come before in hand. */
export const inTurn: ApprovalRule = (approval) => {
  const ahead = approvingSteps(approval.transaction).flatMap(({ rule }) =>
    aheadOf(wantedByRule(rule, approval.transaction), approval),
  );
  if (ahead.length === 0) return undefined;
  const roles = [...new Set(ahead.map(({ role }) => role))];
  return transactionErrors.error(
    'approval_out_of_turn',
    `The approval of ${roles.join(' and ')} comes before this one.`,
    { facts: { before: ahead.map(({ role, count, institution }) => ({ role, count, institution })) } },
  );
};

/** What is still missing ahead of the entry that this approval would count for. */
function aheadOf(wanted: readonly Wanted[], approval: ApprovalCase): readonly Wanted[] {
  const { approver, transaction, directory, standing } = approval;
  const given = { approver: approver.id, role: roleOf(approval) ?? '', institution: approver.institution };
  const at = wanted.findIndex((want) => countsFor(want, given, { transaction, directory }));
  if (wanted[at]?.ordered !== true) return [];
  return missingApprovals(wanted.slice(0, at), { transaction, approvals: standing, directory });
}
