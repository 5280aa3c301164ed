import type { Approval, ApproverRole, AuditAppender, Directory, ShownToApprover } from '@countersign/contracts';
import { type Clock, type Digest, type Json, newId, type Random, toInstant } from '@countersign/kernel';
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
    readonly audit: AuditAppender;
    readonly directory: Pick<Directory, 'snapshot'>;
    readonly clock: Clock;
    readonly random: Random;
  },
): Promise<StoredApproval> {
  const { principal, kid, jwk, registration, authenticator } = approver;
  const about = recordAbout(transaction, { clock, random });
  const approval: StoredApproval = {
    id: newId('approval', { clock, random }),
    transaction: transaction.id,
    approver: principal.id,
    role,
    intentDigest: transaction.intentDigest,
    expiresAt: toInstant(expiryOf(claims)),
    recordId: about.id,
    institution: principal.institution,
    kid,
    tokenId: claims.jti,
    ...(authenticator === undefined ? {} : { authenticator: authenticator.id }),
    ...(root === undefined ? {} : { batchRoot: root }),
  };
  await audit.append({
    ...about,
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
  });
  return approval;
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
