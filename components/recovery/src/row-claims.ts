import { type Claim, type RecoveryStatus, type StandingCheck, standingErrors } from '@countersign/contracts';
import { isCodedError, type RecoveryId } from '@countersign/kernel';
import type { StoredRecovery } from './store.ts';

// Everything in a row that decides, as records say it and as rows are held against them (docs/adr/0043). A recovery, each of
// its approvals and the end of the credentials are things of their own: what was recorded and not kept stands in nobody's way.

export const recoveryThing = (id: RecoveryId): string => `recovery:${id}`;

type Opened = Omit<StoredRecovery, 'approvals' | 'status'>;
type Approval = Omit<StoredRecovery['approvals'][number], 'at'>;

/** The digest covers person, reason and evidence. */
export function recoveryClaim(stored: Opened): Claim {
  return {
    of: recoveryThing(stored.id),
    content: {
      person: stored.person,
      institution: stored.institution,
      opened_by: stored.openedBy,
      ends_at: stored.expiresAt,
      digest: stored.digest,
      records: [stored.recordId, stored.endedRecord, stored.completionRecord, stored.expiryRecord],
    },
  };
}

export function approvalClaim(recovery: RecoveryId, { by, function: name, recordId }: Approval): Claim {
  return { of: `recovery-approval:${recovery}:${name}`, content: { by, record: recordId } };
}

export const credentialsEndedThing = (id: RecoveryId): string => `recovery-credentials-ended:${id}`;

const settled: ReadonlySet<RecoveryStatus> = new Set(['completed', 'refused', 'cancelled', 'expired']);

/**
 * The recovery, if the log says of it what its rows say: who opened it for whom, each approval, and as many of them as its
 * status stands for.
 *
 * @param functions how many have to approve
 * @throws CodedError `authority_unproven`, `log_unavailable`
 */
export async function requireProven(
  standings: StandingCheck,
  stored: StoredRecovery,
  functions: number,
): Promise<StoredRecovery> {
  // What is settled gives nothing to anybody.
  if (settled.has(stored.status)) return stored;
  await standings.require(recoveryClaim(stored));
  for (const approval of stored.approvals) await standings.require(approvalClaim(stored.id, approval));
  const { status } = stored;
  const wantsApprovals = status === 'approved' || status === 'ended' || status === 'invited';
  const approvers = new Set(stored.approvals.map(({ by }) => by));
  const ended = credentialsEndedThing(stored.id);
  const wantsEnd = status === 'ended' || status === 'invited';
  if ((wantsApprovals && approvers.size < functions) || (wantsEnd && !(await standings.standing([ended])).has(ended)))
    throw standingErrors.error(
      'authority_unproven',
      `The recovery ${stored.id} is stored as ${status} without the records for it. Nothing is done; open another one.`,
    );
  return stored;
}

/** As {@link requireProven}, for who goes on either way. @throws CodedError `log_unavailable` */
export async function isProven(standings: StandingCheck, stored: StoredRecovery, functions: number): Promise<boolean> {
  try {
    await requireProven(standings, stored, functions);
    return true;
  } catch (error) {
    if (!isCodedError(error, 'authority_unproven')) throw error;
    return false;
  }
}
