import {
  type ApproverRole,
  approverRoles,
  type DirectorySnapshot,
  type Independence,
  type Principal,
  tradesOnSameDesk,
  transactionErrors,
} from '@countersign/contracts';
import { type CodedError, parseInstant } from '@countersign/kernel';
import { findClaimFault } from '@countersign/oauth';
import type { StoredApproval } from '../store/approvals.ts';
import type { StoredTransaction, StoredTransition } from '../store/store.ts';
import type { ApprovalClaims, SignedItem } from './approval-claims.ts';
import { approvingSteps, countsFor, missingApprovals, type RequiredApproval, requiredByRule } from './quorum.ts';
import type { AccountStanding } from './standing.ts';

/** Input of the approval rules. The signature of the claims has been verified. */
interface ApprovalCase {
  readonly claims: ApprovalClaims;
  readonly item: SignedItem;
  readonly approver: Principal;
  /** At this moment, not when they signed. */
  readonly account: AccountStanding;
  /** Of the initiator, the successor and the other approvers. */
  readonly isIndependent: boolean;
  readonly transaction: StoredTransaction;
  readonly past: readonly Pick<StoredTransition, 'actor'>[];
  /** All earlier approvals, including expired and withdrawn ones. */
  readonly given: readonly StoredApproval[];
  readonly standing: readonly StoredApproval[];
  readonly directory: Pick<DirectorySnapshot, 'principal'>;
  readonly now: number;
}

type ApprovalRule = (approval: ApprovalCase) => CodedError | undefined;

/** The named role if the approver holds it; otherwise `supervisor`, or the only approver role that the person holds. */
export function roleOf({ approver, claims }: Pick<ApprovalCase, 'approver' | 'claims'>): ApproverRole | undefined {
  const held = approverRoles.filter((role) => approver.roles.includes(role));
  if (claims.role !== undefined) return held.find((role) => role === claims.role);
  if (held.includes('supervisor')) return 'supervisor';
  return held.length === 1 ? held[0] : undefined;
}

/** An approver with several roles must name one, because one signature counts for one role. */
const approverRole: ApprovalRule = (approval) => {
  if (roleOf(approval) !== undefined) return undefined;
  const { approver, claims } = approval;
  const several = claims.role === undefined && approverRoles.some((role) => approver.roles.includes(role));
  return transactionErrors.error(
    'approval_role',
    several
      ? 'This person holds several approver roles. The approval must name one of them in role.'
      : `Approving needs the role ${claims.role ?? approverRoles.join(' or ')}, which this person does not hold.`,
  );
};

/** Four-eyes rule. A person who took a transaction over counts as its initiator. */
const notSelf: ApprovalRule = ({ approver, transaction }) =>
  approver.id === transaction.initiator || approver.id === transaction.carriedBy
    ? transactionErrors.error('approval_self', 'The initiator of a transaction cannot approve it.')
    : undefined;

/** The developer and the certifier of an algorithm cannot approve its orders (RTS 6 Articles 5 and 9). */
const notCertifier: ApprovalRule = ({ approver, transaction, directory }) => {
  const initiator = directory.principal(transaction.initiator);
  if (initiator?.kind !== 'agent') return undefined;
  const { certifiedBy, developedBy } = initiator.model;
  return approver.id === certifiedBy || approver.id === developedBy
    ? transactionErrors.error(
        'duties_combined',
        'The developer and the certifier of the algorithm that started a transaction cannot approve it.',
      )
    : undefined;
};

const notReporter: ApprovalRule = ({ approver, past }) =>
  past.some(({ actor }) => actor === approver.id)
    ? transactionErrors.error('duties_combined', 'A person who has taken a step of a transaction cannot approve it.')
    : undefined;

const notOfDesk: ApprovalRule = (approval) => {
  const { approver, transaction, directory } = approval;
  const role = roleOf(approval);
  const initiators = [transaction.initiator, transaction.carriedBy ?? transaction.initiator].map((id) =>
    directory.principal(id),
  );
  return role !== undefined && tradesOnSameDesk(approver, role, initiators)
    ? transactionErrors.error(
        'duties_combined',
        `A trader of the initiator's desk cannot approve the transaction as ${role}. Ask somebody from another desk.`,
      )
    : undefined;
};

/** One person counts once, whichever key they use, and each signature counts once. After a withdrawal a new signature is needed. */
const notRepeated: ApprovalRule = ({ approver, claims, given, now }) => {
  const own = given.filter((approval) => approval.approver === approver.id);
  const same = own.find(({ tokenId }) => tokenId === claims.jti);
  if (same?.withdrawn !== undefined)
    return transactionErrors.error(
      'approval_withdrawn',
      'This approval was withdrawn. Review the intent and sign again.',
    );
  const stands = own.some(({ withdrawn, expiresAt }) => withdrawn === undefined && Date.parse(expiresAt) > now);
  return same !== undefined || stands
    ? transactionErrors.error('approval_repeated', 'This person has already approved this transaction.')
    : undefined;
};

const maxLifetimeSeconds = 3_600;
const clockSkewSeconds = 60;

/** When an approval expires, in milliseconds since the epoch: at its `exp`, and at most an hour after signing. */
export function expiryOf({ iat, exp }: ApprovalClaims): number {
  return Math.min(exp, iat + maxLifetimeSeconds) * 1000;
}

/** An expired approval is refused, not kept. */
const inTime: ApprovalRule = ({ claims: { iat, exp }, now }) => {
  const found = findClaimFault(
    { iat, exp },
    {
      nowSeconds: now / 1000,
      required: ['exp', 'iat'],
      skewSeconds: clockSkewSeconds,
      expiresAfterSeconds: maxLifetimeSeconds,
    },
  );
  switch (found?.fault) {
    case undefined:
      return undefined;
    case 'expired':
      return transactionErrors.error('approval_expired', 'The approval has expired. Review the intent and sign again.');
    default:
      return transactionErrors.error(
        'approval_malformed',
        'The iat of the approval is in the future. Check the clock of the signing device.',
      );
  }
};

const inTurn: ApprovalRule = (approval) => {
  const ahead = approvingSteps(approval.transaction).flatMap(({ rule }) =>
    aheadOf(requiredByRule(rule, approval.transaction), approval),
  );
  if (ahead.length === 0) return undefined;
  const roles = [...new Set(ahead.map(({ role }) => role))];
  return transactionErrors.error(
    'approval_out_of_turn',
    `The approval of ${roles.join(' and ')} must be given first.`,
    { facts: { before: ahead.map(({ role, count, institution }) => ({ role, count, institution })) } },
  );
};

function aheadOf(wanted: readonly RequiredApproval[], approval: ApprovalCase): readonly RequiredApproval[] {
  const { approver, transaction, directory, standing } = approval;
  const given = { approver: approver.id, role: roleOf(approval) ?? '', institution: approver.institution };
  const at = wanted.findIndex((want) => countsFor(want, given, { transaction, directory }));
  if (wanted[at]?.ordered !== true) return [];
  return missingApprovals(wanted.slice(0, at), { transaction, approvals: standing, directory });
}

/** An approval from an account that may be compromised is refused, whichever key signed it. */
const settled: ApprovalRule = ({ account }) => {
  switch (account) {
    case 'settled':
      return undefined;
    case 'locked':
      return transactionErrors.error(
        'approval_unsettled',
        'The account of this person is locked. Another person must approve.',
      );
    case 'unsettled':
      return transactionErrors.error(
        'approval_unsettled',
        'The account of this person may be compromised, or was recovered recently. Another person must approve.',
      );
    default:
      return account satisfies never;
  }
};

const termsUnchanged: ApprovalRule = ({ item, transaction }) =>
  item.txn === transaction.id && item.intentDigest === transaction.intentDigest
    ? undefined
    : transactionErrors.error(
        'approval_terms_changed',
        'The approval is not for the intent of this transaction. Review the intent and sign its digest.',
      );

const rightInstitution: ApprovalRule = ({ approver, transaction }) => {
  if (approver.institution === transaction.initiatorInstitution) return undefined;
  const asked = approvingSteps(transaction).some(({ rule }) =>
    requiredByRule(rule, transaction).some(({ institution }) => institution === approver.institution),
  );
  return asked
    ? undefined
    : transactionErrors.error(
        'approval_institution',
        "Only a person of the initiator's institution can approve the transaction.",
      );
};

const awaited: ApprovalRule = ({ transaction, now }) => {
  const steps = approvingSteps(transaction);
  if (steps.length === 0)
    return transactionErrors.error(
      'approval_not_awaited',
      `The transaction is ${transaction.state}; no following step needs an approval.`,
    );
  const { not_after: until } = transaction.detail;
  const over = (parseInstant(until) ?? 0) <= now && steps.every(({ rule }) => rule.inTime === true);
  return over ? transactionErrors.error('intent_expired', `The intent expired at ${until}.`) : undefined;
};

/** A person who invites another to enrol a key could enrol a key of their own and approve twice. */
const independent: ApprovalRule = ({ isIndependent }) =>
  isIndependent
    ? undefined
    : transactionErrors.error(
        'approval_not_independent',
        'The approver and the initiator or another approver are not independent: one invited the other to enrol a key. ' +
          'Another person must approve.',
      );

/** The order decides which fault is reported: those that the approver can fix come first. */
const rules: readonly ApprovalRule[] = [
  termsUnchanged,
  inTime,
  settled,
  notSelf,
  independent,
  notCertifier,
  notReporter,
  rightInstitution,
  approverRole,
  notOfDesk,
  notRepeated,
  awaited,
  inTurn,
];

export function approvalFault(approval: ApprovalCase): CodedError | undefined {
  for (const rule of rules) {
    const fault = rule(approval);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

export function isIndependent(
  approver: string,
  { initiator, carriedBy }: Pick<StoredTransaction, 'initiator' | 'carriedBy'>,
  standing: readonly Pick<StoredApproval, 'approver'>[],
  independence: Independence,
): Promise<boolean> {
  const others = [initiator, ...(carriedBy === null ? [] : [carriedBy]), ...standing.map((given) => given.approver)];
  return independence(
    [...new Set(others)].filter((other) => other !== approver),
    [approver],
  );
}
