import type { CodedError } from '@countersign/kernel';
import type { ApprovalCase, ApprovalRule } from './approval-case.ts';
import { approverRole } from './approver-role.ts';
import { awaited } from './awaited.ts';
import { inTime } from './in-time.ts';
import { inTurn } from './in-turn.ts';
import { independent } from './independent.ts';
import { notCertifier } from './not-certifier.ts';
import { notOfDesk } from './not-of-desk.ts';
import { notRepeated } from './not-repeated.ts';
import { notReporter } from './not-reporter.ts';
import { notSelf } from './not-self.ts';
import { rightInstitution } from './right-institution.ts';
import { settled } from './settled.ts';
import { termsUnchanged } from './terms-unchanged.ts';

/** In the order in which they are told: what the approver can mend first. */
const rules: readonly ApprovalRule[] = [
  termsUnchanged,
  inTime,
  settled,
  notSelf,
  independent,
  notCertifier,
  notReporter,
  rightInstitution,
  approverRole,
  notOfDesk,
  notRepeated,
  awaited,
  inTurn,
];

/** The first rule that an approval breaks. */
export function approvalFault(approval: ApprovalCase): CodedError | undefined {
  for (const rule of rules) {
    const fault = rule(approval);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
