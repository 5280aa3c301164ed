import { type ApproverRole, type Directory, type Independence, transactionErrors } from '@countersign/contracts';
import { type Clock, type CodedError, isCodedError } from '@countersign/kernel';
import type { Unit } from '../proof/proven-store.ts';
import type { StoredApproval } from '../store/approvals.ts';
import type { StoredTransaction } from '../store/store.ts';
import { type AccountDependencies, accountOf } from './account.ts';
import type { ApprovalClaims, SignedItem } from './approval-claims.ts';
import type { Approver } from './approver.ts';
import { roleOf } from './approver-role.ts';
import { approvalFault, isIndependent } from './rules.ts';
import { type AuthenticatorsHeld, standingApprovals } from './standing.ts';

export type Judgement =
  | { readonly counts: true; readonly role: ApproverRole; readonly standing: readonly StoredApproval[] }
  | { readonly counts: false; readonly fault: CodedError };

/** @param transaction locked, so that the result stays true */
export async function judge(
  signed: { readonly claims: ApprovalClaims; readonly item: SignedItem; readonly approver: Approver },
  transaction: StoredTransaction,
  unit: Unit,
  {
    directory,
    independence,
    clock,
    authenticators,
    signalsOf,
  }: {
    readonly directory: Pick<Directory, 'snapshot'>;
    readonly independence: Independence;
    readonly clock: Clock;
    readonly authenticators?: AuthenticatorsHeld | undefined;
    readonly signalsOf?: AccountDependencies['signalsOf'];
  },
): Promise<Judgement> {
  const snapshot = directory.snapshot();
  const now = clock.now();
  const given = await unit.approvals(transaction.id);
  const standing = await standingApprovals(transaction, given, now, { directory, authenticators, signalsOf });
  const { claims, item } = signed;
  const about = { claims, approver: signed.approver.principal };
  const fault = approvalFault({
    ...about,
    account: await accountOf(about.approver.id, { authenticators, signalsOf }),
    isIndependent: await isIndependent(about.approver.id, transaction, standing, independence),
    item,
    transaction,
    past: await unit.transitions(transaction.id),
    given,
    standing,
    directory: snapshot,
    now,
  });
  if (fault !== undefined) return { counts: false, fault };
  const role = roleOf(about);
  if (role === undefined) throw new Error('an approval without a role passed the rules');
  return { counts: true, role, standing };
}

/** The error as a refusal of this component. @throws any other error unchanged */
export function refusalBy(error: unknown): CodedError {
  if (isCodedError(error) && Object.hasOwn(transactionErrors.codes, error.code)) return error;
  throw error;
}
