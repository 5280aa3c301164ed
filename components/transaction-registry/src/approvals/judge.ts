import {
  type ApproverRole,
  type Authenticator,
  approverRoles,
  type Directory,
  type Independence,
  type Person,
  type SigningCertificate,
  type StandingReader,
  transactionErrors,
} from '@countersign/contracts';
import { type Clock, type CodedError, epochSeconds, isCodedError, type RecordId } from '@countersign/kernel';
import type { Unit } from '../proof/proven-store.ts';
import type { StoredApproval } from '../store/approvals.ts';
import type { StoredTransaction } from '../store/store.ts';
import type { ApprovalClaims, SignedItem } from './approval-claims.ts';
import { countsFor, type RequiredApproval } from './quorum.ts';
import { approvalFault, isIndependent, roleOf } from './rules.ts';

export interface Approver {
  readonly principal: Person;
  readonly kid: string;
  readonly jwk: Readonly<Record<string, string>>;
  readonly registration: RecordId | undefined;
  readonly authenticator?: Authenticator;
  readonly certificate?: SigningCertificate;
}

import { type AccountDependencies, type AuthenticatorsHeld, accountOf, standingApprovals } from './standing.ts';

type Judgement =
  | { readonly counts: true; readonly role: ApproverRole; readonly standing: readonly StoredApproval[] }
  | { readonly counts: false; readonly fault: CodedError };

export interface JudgeDependencies {
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly independence: Independence;
  readonly clock: Clock;
  readonly authenticators?: AuthenticatorsHeld | undefined;
  readonly signalsOf?: AccountDependencies['signalsOf'];
  readonly audit: StandingReader;
}

/** What the rules are applied to, beside the signature. */
export async function circumstancesOf(
  approver: string,
  transaction: StoredTransaction,
  reader: Pick<Unit, 'approvals' | 'transitions'>,
  { directory, independence, clock, authenticators, signalsOf, audit }: JudgeDependencies,
) {
  const now = clock.now();
  const given = await reader.approvals(transaction.id);
  const standing = await standingApprovals(transaction, given, now, { directory, authenticators, signalsOf, audit });
  return {
    transaction,
    given,
    standing,
    now,
    account: await accountOf(approver, { authenticators, signalsOf }),
    isIndependent: await isIndependent(approver, transaction, standing, independence),
    past: await reader.transitions(transaction.id),
    directory: directory.snapshot(),
  };
}

type Circumstances = Awaited<ReturnType<typeof circumstancesOf>>;

/** @param transaction locked, so that the result stays true */
export async function judge(
  signed: { readonly claims: ApprovalClaims; readonly item: SignedItem; readonly approver: Approver },
  transaction: StoredTransaction,
  unit: Unit,
  dependencies: JudgeDependencies,
): Promise<Judgement> {
  const { claims, item } = signed;
  const about = { claims, approver: signed.approver.principal };
  const circumstances = await circumstancesOf(about.approver.id, transaction, unit, dependencies);
  const { standing } = circumstances;
  const fault = approvalFault({ ...about, ...circumstances, item });
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

interface MayApprove {
  readonly roles: readonly ApproverRole[];
  readonly fault: CodedError | undefined;
}

/**
 * Applies the rules as if the person had signed now, in each role. The signed approval goes through the same rules
 * again.
 */
export function mayApprove(
  person: Person,
  about: Circumstances & {
    readonly awaited: readonly Pick<RequiredApproval, 'role' | 'institution' | 'independent'>[];
  },
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

export function passesRules(person: Person, about: Circumstances): MayApprove {
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
