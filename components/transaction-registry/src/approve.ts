import {
  type Approval,
  type ApproverRole,
  type AuditAppender,
  type Directory,
  transactionErrors,
} from '@countersign/contracts';
import {
  type Clock,
  type CodedError,
  digestOf,
  isCodedError,
  newId,
  type Random,
  type TransactionId,
  toInstant,
} from '@countersign/kernel';
import type { KeyCache } from '@countersign/oauth';
import { type ApprovalJws, parseApprovalJws } from './approvals/approval-jws.ts';
import { type Approver, verifyApprover } from './approvals/approver.ts';
import { roleOf } from './approvals/approver-role.ts';
import { expiryOf } from './approvals/in-time.ts';
import { approvalFault } from './approvals/rules.ts';
import { recordAbout, referencesTo } from './records.ts';
import type { Store, StoredTransaction, Unit } from './store.ts';

export interface ApproveDependencies {
  readonly store: Store;
  readonly audit: AuditAppender;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly keys: KeyCache;
  readonly clock: Clock;
  readonly random: Random;
}

/** Takes an approval that a person signed; see the contract. Refusals are recorded before they are told. */
export async function approveTransaction(
  id: TransactionId,
  text: string,
  dependencies: ApproveDependencies,
): Promise<Approval> {
  const { store, audit, clock, random } = dependencies;
  return store.inUnit(async (unit) => {
    const transaction = await unit.lock(id);
    if (transaction === undefined)
      throw transactionErrors.error('transaction_not_found', 'There is no such transaction.');
    const judged = await judge(text, transaction, unit, dependencies);
    if (judged.counts) return give(unit, transaction, judged, text, dependencies);
    await audit.append({
      ...recordAbout(transaction, { clock, random }),
      type: 'approval.refused',
      outcome: 'deny',
      reason: judged.fault.code,
      references: [transaction.openedRecordId],
      ...(judged.approver === undefined ? {} : { subject: actorOf(judged.approver) }),
      // What was sent may be anything: its digest is enough to recognise it by.
      payload: digestOf(text),
    });
    throw judged.fault;
  });
}

type Judgement =
  | { readonly counts: true; readonly signed: ApprovalJws; readonly approver: Approver; readonly role: ApproverRole }
  /** `approver` where the signature was genuine. */
  | { readonly counts: false; readonly fault: CodedError; readonly approver?: Approver };

async function judge(
  text: string,
  transaction: StoredTransaction,
  unit: Unit,
  { directory, keys, clock }: ApproveDependencies,
): Promise<Judgement> {
  let signed: ApprovalJws;
  let approver: Approver;
  try {
    signed = parseApprovalJws(text);
    approver = verifyApprover(signed, directory.snapshot(), keys);
  } catch (error) {
    if (isCodedError(error) && Object.hasOwn(transactionErrors.codes, error.code))
      return { counts: false, fault: error };
    throw error;
  }
  const given = await unit.approvals(transaction.id);
  const about = { claims: signed.claims, approver: approver.principal };
  const fault = approvalFault({
    ...about,
    transaction,
    earlier: given.map(({ approver, tokenId, expiresAt }) => ({ approver, tokenId, expiresAt: Date.parse(expiresAt) })),
    now: clock.now(),
  });
  if (fault !== undefined) return { counts: false, fault, approver };
  const role = roleOf(about);
  if (role === undefined) throw new Error('an approval without a role passed the rules');
  return { counts: true, signed, approver, role };
}

async function give(
  unit: Unit,
  transaction: StoredTransaction,
  { signed: { claims, kid }, approver, role }: Extract<Judgement, { counts: true }>,
  jws: string,
  { audit, directory, clock, random }: ApproveDependencies,
): Promise<Approval> {
  const { principal, credential } = approver;
  const about = recordAbout(transaction, { clock, random });
  const approval: Approval = {
    id: newId('approval', { clock, random }),
    transaction: transaction.id,
    approver: principal.id,
    role,
    intentDigest: transaction.intentDigest,
    expiresAt: toInstant(expiryOf(claims)),
    recordId: about.id,
  };
  await audit.append({
    ...about,
    type: 'approval.given',
    outcome: 'permit',
    references: referencesTo(directory.snapshot().recordOf(principal.id), transaction.openedRecordId),
    subject: actorOf(approver),
    data: { approval_id: approval.id, jws, key: credential.jwk, role, expires_at: approval.expiresAt },
  });
  await unit.putApproval({ ...approval, institution: principal.institution, kid, tokenId: claims.jti });
  return approval;
}

function actorOf({ principal }: Approver) {
  return { id: principal.id, institution: principal.institution };
}
