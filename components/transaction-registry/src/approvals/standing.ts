import {
  type AuthenticatorRegister,
  type DirectorySnapshot,
  parsePrincipalId,
  tradesOnSameDesk,
} from '@countersign/contracts';
import type { StoredApproval } from '../store/approvals.ts';
import type { StoredTransaction } from '../store/store.ts';
import { type AccountDependencies, isUnsettled } from './account.ts';

/** Who knows what becomes of people's authenticators, where there are any. */
export type AuthenticatorsHeld = Pick<AuthenticatorRegister, 'of' | 'isLocked'>;

/**
 * The approvals that stand now: not expired, not withdrawn, and given by a person who would be taken at their word
 * today. A leaver's approval, or one by a key that was withdrawn, or of which there may be a copy, falls with the person or
 * the key, one of a person who was locked out, or whose account may be used by somebody else, with that; and so does that
 * of somebody who has taken the transaction over since, for it is theirs now, or who deals at the desk it is of.
 */
export async function standingApprovals(
  transaction: Pick<StoredTransaction, 'intentDigest' | 'initiator' | 'carriedBy'>,
  approvals: readonly StoredApproval[],
  now: number,
  {
    directory,
    authenticators,
    signalsOf,
  }: {
    readonly directory: { snapshot(): Pick<DirectorySnapshot, 'principal' | 'credential'> };
    readonly authenticators?: AuthenticatorsHeld | undefined;
    readonly signalsOf?: AccountDependencies['signalsOf'];
  },
): Promise<readonly StoredApproval[]> {
  const snapshot = directory.snapshot();
  const begun = [transaction.initiator, transaction.carriedBy ?? transaction.initiator].map((id) =>
    snapshot.principal(id),
  );
  const standing = approvals.filter((approval) => {
    const person = snapshot.principal(approval.approver);
    return (
      approval.withdrawn === undefined &&
      approval.approver !== transaction.carriedBy &&
      !isSharedKey(approval, approvals) &&
      approval.intentDigest === transaction.intentDigest &&
      Date.parse(approval.expiresAt) > now &&
      (approval.authenticator !== undefined || snapshot.credential(approval.kid)?.principal === approval.approver) &&
      person?.kind === 'person' &&
      person.active !== false &&
      person.institution === approval.institution &&
      person.roles.includes(approval.role) &&
      !tradesOnSameDesk(person, approval.role, begun) &&
      !isUnsettled(person.id, { signalsOf })
    );
  });
  if (standing.length === 0) return standing;
  if (authenticators === undefined) return standing.filter(({ authenticator }) => authenticator === undefined);
  const held = await Promise.all(standing.map((approval) => isHeld(approval, authenticators)));
  return standing.filter((_, index) => held[index]);
}

async function isHeld(
  { approver, authenticator, kid }: StoredApproval,
  authenticators: AuthenticatorsHeld,
): Promise<boolean> {
  const person = parsePrincipalId(approver);
  if (person === undefined || (await authenticators.isLocked(person))) return false;
  if (authenticator === undefined) return true;
  return (await authenticators.of(person)).some(
    (one) => one.id === authenticator && one.kid === kid && one.suspendedAt === undefined,
  );
}

/** One key is one person: with which two principals have approved, nobody knows whose word it was. */
function isSharedKey({ kid, approver }: StoredApproval, approvals: readonly StoredApproval[]): boolean {
  return approvals.some((other) => other.kid === kid && other.approver !== approver);
}
