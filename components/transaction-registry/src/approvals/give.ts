import {
  type Approval,
  type ApproverRole,
  appendOnce,
  type Directory,
  type EvidenceRecord,
  type RecordDraft,
  recordIdOfCommand,
  type ShownToApprover,
  standing,
  transactionErrors,
} from '@countersign/contracts';
import { type Clock, type Digest, type Json, newId, parseId, type Random, toInstant } from '@countersign/kernel';
import { approvalClaim } from '../proof/held.ts';
import type { RegistryLog } from '../proof/proven-store.ts';
import { recordAbout, referencesTo, strategyOf } from '../records.ts';
import type { StoredApproval } from '../store/approvals.ts';
import type { StoredTransaction } from '../store.ts';
import type { ApprovalClaims } from './approval-claims.ts';
import type { Approver } from './approver.ts';
import { expiryOf } from './in-time.ts';
import { type BroughtApproval, proofOf } from './read-approval.ts';

/** A signature that counts for one transaction. */
export interface Given {
  readonly transaction: StoredTransaction;
  readonly approver: Approver;
  readonly claims: ApprovalClaims;
  readonly role: ApproverRole;
  readonly brought: BroughtApproval;
  /** What the approver was shown, where it was shown here. */
  readonly shown?: ShownToApprover | undefined;
  /** Where it came with others under one signature. */
  readonly root?: Digest;
}

/** Makes the record of an approval durable. @returns the approval, to be stored */
export async function recordGiven(
  { transaction, approver, claims, role, brought, shown, root }: Given,
  {
    audit,
    directory,
    clock,
    random,
  }: {
    readonly audit: Pick<RegistryLog, 'append' | 'find'>;
    readonly directory: Pick<Directory, 'snapshot'>;
    readonly clock: Clock;
    readonly random: Random;
  },
): Promise<StoredApproval> {
  const { principal, kid, jwk, registration, authenticator } = approver;
  const about = recordAbout(transaction, { clock, random });
  // One signature is one approval, however often it is brought.
  const recordId = recordIdOfCommand({ approval: transaction.id, approver: principal.id, token: claims.jti });
  const approval: StoredApproval = {
    id: newId('approval', { clock, random }),
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
    ...(root === undefined ? {} : { batchRoot: root }),
  };
  const { of, content } = approvalClaim(approval);
  const draft: RecordDraft = {
    ...about,
    id: recordId,
    standing: [standing(of, content)],
    type: 'approval.given',
    outcome: 'permit',
    references: referencesTo(registration, directory.snapshot().recordOf(principal.id), transaction.openedRecordId),
    subject: actorOf(approver),
    data: {
      approval_id: approval.id,
      ...proofOf(brought),
      key: jwk,
      role,
      expires_at: approval.expiresAt,
      ...(root === undefined ? {} : { batch_root: root }),
    },
    protectedValues: strategyOf(transaction.initiatorInstitution, { shown: shownJson(shown) }),
  };
  const { before } = await appendOnce(audit, draft);
  return before === undefined ? approval : recordedBefore(approval, before);
}

/** The process that recorded it died before it was stored: it is what its record says. */
function recordedBefore(approval: StoredApproval, { data }: EvidenceRecord): StoredApproval {
  const said = data as { readonly approval_id?: unknown; readonly expires_at?: unknown; readonly role?: unknown };
  const id = parseId('approval', said.approval_id);
  if (id === undefined || said.role !== approval.role || said.expires_at !== approval.expiresAt)
    throw transactionErrors.error(
      'approval_repeated',
      'This signature was recorded in another role or for another time: sign anew.',
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

/** What of an approval is anybody's business beside this component's. */
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
    ...(withdrawn === undefined ? {} : { withdrawn }),
  };
}

export function actorOf({ principal }: Pick<Approver, 'principal'>) {
  return { id: principal.id, institution: principal.institution };
}
