import {
  type Approval,
  type ApproverRole,
  type DirectorySnapshot,
  type EvidenceRecord,
  type RecordDraft,
  type ShownToApprover,
  standing,
  transactionErrors,
} from '@countersign/contracts';
import {
  type Clock,
  type Digest,
  defined,
  type Json,
  newId,
  parseId,
  type Random,
  type RecordId,
  toInstant,
} from '@countersign/kernel';
import { approvalClaim } from '../proof/held.ts';
import { changeAbout, referencesTo, strategyOf } from '../records.ts';
import type { StoredApproval } from '../store/approvals.ts';
import type { StoredTransaction } from '../store/store.ts';
import type { ApprovalClaims } from './approval-claims.ts';
import type { Approver } from './judge.ts';
import { type ApprovalAsPresented, proofOf } from './read-approval.ts';
import { expiryOf } from './rules.ts';

export interface Given {
  readonly transaction: StoredTransaction;
  readonly approver: Approver;
  readonly claims: ApprovalClaims;
  readonly role: ApproverRole;
  readonly brought: ApprovalAsPresented;
  /** What our page showed the approver; absent for approvals signed elsewhere. */
  readonly shown?: ShownToApprover | undefined;
  /** Digest of the batch, for an approval signed together with others. */
  readonly root?: Digest | undefined;
}

export function approvalOf(
  { transaction, approver, claims, role, root }: Given,
  recordId: RecordId,
  from: { readonly clock: Clock; readonly random: Random },
): StoredApproval {
  const { principal, kid, authenticator, certificate, registration } = approver;
  return {
    id: newId('approval', from),
    transaction: transaction.id,
    approver: principal.id,
    role,
    intentDigest: transaction.intentDigest,
    expiresAt: toInstant(expiryOf(claims)),
    recordId,
    institution: principal.institution,
    kid,
    tokenId: claims.jti,
    ...(authenticator === undefined ? {} : { authenticator: authenticator.id }),
    ...defined({
      batchRoot: root,
      certificate: registration === undefined ? certificate?.thumbprint : certificate?.serial,
    }),
  };
}

export function givenRecord(
  approval: StoredApproval,
  { transaction, approver, brought, shown, root }: Given,
  directory: Pick<DirectorySnapshot, 'recordOf'>,
): Omit<RecordDraft, 'id'> {
  const { principal, jwk, registration, certificate } = approver;
  const { of, content } = approvalClaim(approval);
  return {
    ...changeAbout(transaction),
    standing: [standing(of, content)],
    type: 'approval.given',
    outcome: 'permit',
    references: referencesTo(registration, directory.recordOf(principal.id), transaction.openedRecordId),
    subject: actorOf(approver),
    ...defined({ certificate }),
    data: {
      approval_id: approval.id,
      ...proofOf(brought),
      key: jwk,
      role: approval.role,
      expires_at: approval.expiresAt,
      ...defined({ batch_root: root }),
    },
    protectedValues: strategyOf(transaction.initiatorInstitution, { shown: shownJson(shown) }),
  };
}

/**
 * The approval with the id of its earlier record, if a process died before storing it. @throws CodedError
 * `approval_repeated`
 */
export function asGiven(approval: StoredApproval, before: EvidenceRecord | undefined): StoredApproval {
  if (before === undefined) return approval;
  // A record that this component wrote. Each member is compared below.
  const said = before.data as {
    readonly approval_id?: unknown;
    readonly expires_at?: unknown;
    readonly role?: unknown;
  };
  const id = parseId('approval', said.approval_id);
  if (id === undefined || said.role !== approval.role || said.expires_at !== approval.expiresAt)
    throw transactionErrors.error(
      'approval_repeated',
      'This signature was already recorded with a different role or expiry. Sign again.',
    );
  return { ...approval, id };
}

function shownJson(shown: ShownToApprover | undefined): Json | undefined {
  if (shown === undefined) return undefined;
  const { lang, title, lines, warnings } = shown;
  return {
    lang,
    title,
    lines: lines.map(({ label, value }) => ({ label, value })),
    warnings: warnings.map(({ code, detail }) => ({ code, detail })),
  };
}

export function publicPart({
  id,
  transaction,
  approver,
  role,
  intentDigest,
  expiresAt,
  recordId,
  withdrawn,
}: StoredApproval): Approval {
  return {
    id,
    transaction,
    approver,
    role,
    intentDigest,
    expiresAt,
    recordId,
    ...defined({ withdrawn }),
  };
}

export function actorOf({ principal }: Pick<Approver, 'principal'>) {
  return { id: principal.id, institution: principal.institution };
}
