import type { DirectorySnapshot } from '@countersign/contracts';
import type { StoredApproval } from '../store/approvals.ts';
import type { StoredTransaction } from '../store.ts';

/**
 * The approvals that stand now: not expired, not withdrawn, and given by a person who would be taken at their word
 * today. A leaver's approval, or one by a key that was withdrawn, falls with the person or the key; and so does that of
 * somebody who has taken the transaction over since, for it is theirs now.
 */
export function standingApprovals(
  transaction: Pick<StoredTransaction, 'intentDigest' | 'carriedBy'>,
  approvals: readonly StoredApproval[],
  directory: Pick<DirectorySnapshot, 'principal' | 'credential'>,
  now: number,
): readonly StoredApproval[] {
  return approvals.filter((approval) => {
    const person = directory.principal(approval.approver);
    return (
      approval.withdrawn === undefined &&
      approval.approver !== transaction.carriedBy &&
      approval.intentDigest === transaction.intentDigest &&
      Date.parse(approval.expiresAt) > now &&
      directory.credential(approval.kid)?.principal === approval.approver &&
      person?.kind === 'person' &&
      person.active !== false &&
      person.institution === approval.institution &&
      person.roles.includes(approval.role)
    );
  });
}
