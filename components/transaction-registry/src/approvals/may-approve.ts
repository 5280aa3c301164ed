import {
  type ApproverRole,
  approverRoles,
  type DirectorySnapshot,
  type Person,
  transactionErrors,
} from '@countersign/contracts';
import { type CodedError, epochSeconds } from '@countersign/kernel';
import type { StoredApproval } from '../store/approvals.ts';
import type { StoredTransaction, StoredTransition } from '../store/store.ts';
import type { AccountStanding } from './account.ts';
import { countsFor } from './quorum.ts';
import { approvalFault } from './rules.ts';
import type { Wanted } from './wanted.ts';

interface MayApprove {
  readonly roles: readonly ApproverRole[];
  readonly fault: CodedError | undefined;
}

interface ApprovableCase {
  readonly account: AccountStanding;
  readonly isIndependent: boolean;
  readonly transaction: StoredTransaction;
  readonly past: readonly Pick<StoredTransition, 'actor'>[];
  readonly given: readonly StoredApproval[];
  readonly standing: readonly StoredApproval[];
  readonly directory: Pick<DirectorySnapshot, 'principal'>;
  readonly now: number;
}

/**
 * Applies the rules as if the person had signed now, in each role. The signed approval goes through the same rules
 * again.
 */
export function mayApprove(
  person: Person,
  about: ApprovableCase & { readonly awaited: readonly Pick<Wanted, 'role' | 'institution' | 'independent'>[] },
): MayApprove {
  const { roles, fault } = passesRules(person, about);
  const wanted = roles.filter((role) => {
    const approval = { approver: person.id, role, institution: person.institution };
    return about.awaited.some((want) => countsFor(want, approval, about));
  });
  if (wanted.length > 0) return { roles: wanted, fault: undefined };
  const notWanted = transactionErrors.error(
    'approval_not_awaited',
    'The transaction does not need your approval at this stage.',
  );
  return { roles: [], fault: roles.length > 0 ? notWanted : fault };
}

export function passesRules(person: Person, about: ApprovableCase): MayApprove {
  const { transaction, now } = about;
  const item = { txn: transaction.id, intentDigest: transaction.intentDigest };
  const iat = epochSeconds(now);
  const asked = approverRoles
    .filter((role) => person.roles.includes(role))
    .map((role) => {
      const claims = { iss: person.id, role, iat, exp: iat + 600, jti: 'not signed' };
      return { role, fault: approvalFault({ ...about, claims, item, approver: person }) };
    });
  const roles = asked.flatMap(({ role, fault }) => (fault === undefined ? [role] : []));
  if (roles.length > 0) return { roles, fault: undefined };
  const none = transactionErrors.error('approval_role', `Approving needs the role ${approverRoles.join(' or ')}.`);
  return { roles, fault: asked[0]?.fault ?? none };
}
