import type { Approval, ApproverRole, AuditAppender, Directory } from '@countersign/contracts';
import { type Clock, type Digest, newId, type Random, toInstant } from '@countersign/kernel';
import { recordAbout, referencesTo } from '../records.ts';
import type { StoredApproval } from '../store/approvals.ts';
import type { StoredTransaction } from '../store.ts';
import type { ApprovalClaims } from './approval-jws.ts';
import type { Approver } from './approver.ts';
import { expiryOf } from './in-time.ts';

/** A signature that counts for one transaction. */
export interface Given {
  readonly transaction: StoredTransaction;
  readonly approver: Approver;
  readonly claims: ApprovalClaims;
  readonly role: ApproverRole;
  readonly kid: string;
  /** As it was signed; evidence is checked from it. */
  readonly jws: string;
  /** Where it came with others under one signature. */
  readonly root?: Digest;
}

/** Makes the record of an approval durable. @returns the approval, to be stored */
export async function recordGiven(
  { transaction, approver, claims, role, kid, jws, root }: Given,
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
  const { principal, credential } = approver;
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
    ...(root === undefined ? {} : { batchRoot: root }),
  };
  await audit.append({
    ...about,
    type: 'approval.given',
    outcome: 'permit',
    references: referencesTo(directory.snapshot().recordOf(principal.id), transaction.openedRecordId),
    subject: actorOf(approver),
    data: {
      approval_id: approval.id,
      jws,
      key: credential.jwk,
      role,
      expires_at: approval.expiresAt,
      ...(root === undefined ? {} : { batch_root: root }),
    },
  });
  return approval;
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

export function actorOf({ principal }: Approver) {
  return { id: principal.id, institution: principal.institution };
}
