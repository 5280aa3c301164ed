import { type Independence, tradesOnSameDesk, transactionErrors } from '@countersign/contracts';
import { type CodedError, parseInstant } from '@countersign/kernel';
import { findClaimFault } from '@countersign/oauth';
import type { StoredApproval } from '../store/approvals.ts';
import type { StoredTransaction } from '../store/store.ts';
import type { ApprovalCase, ApprovalRule } from './approval-case.ts';
import type { ApprovalClaims } from './approval-claims.ts';
import { approverRole, roleOf } from './approver-role.ts';
import { countsFor, missingApprovals } from './quorum.ts';
import { approvingSteps, type Wanted, wantedByRule } from './wanted.ts';

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
  const begun = [transaction.initiator, transaction.carriedBy ?? transaction.initiator].map((id) =>
    directory.principal(id),
  );
  return role !== undefined && tradesOnSameDesk(approver, role, begun)
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
    aheadOf(wantedByRule(rule, approval.transaction), approval),
  );
  if (ahead.length === 0) return undefined;
  const roles = [...new Set(ahead.map(({ role }) => role))];
  return transactionErrors.error(
    'approval_out_of_turn',
    `The approval of ${roles.join(' and ')} must be given first.`,
    { facts: { before: ahead.map(({ role, count, institution }) => ({ role, count, institution })) } },
  );
};

function aheadOf(wanted: readonly Wanted[], approval: ApprovalCase): readonly Wanted[] {
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
    wantedByRule(rule, transaction).some(({ institution }) => institution === approver.institution),
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
