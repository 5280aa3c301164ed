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

/** Four eyes are two pairs; who has taken a transaction over from somebody who left stands in that person's place. */
const notSelf: ApprovalRule = ({ approver, transaction }) =>
  approver.id === transaction.initiator || approver.id === transaction.carriedBy
    ? transactionErrors.error('approval_self', 'Who began a transaction cannot approve it.')
    : undefined;

/** Who wrote or certified an algorithm answers for it, and does not also release its orders (RTS 6 Articles 5 and 9). */
const notCertifier: ApprovalRule = ({ approver, transaction, directory }) => {
  const initiator = directory.principal(transaction.initiator);
  if (initiator?.kind !== 'agent') return undefined;
  const { certifiedBy, developedBy } = initiator.model;
  return approver.id === certifiedBy || approver.id === developedBy
    ? transactionErrors.error(
        'duties_combined',
        'Who developed or certified the algorithm that began a transaction cannot approve it.',
      )
    : undefined;
};

/** Who has carried a transaction on with their own hands checks nobody by approving it afterwards. */
const notReporter: ApprovalRule = ({ approver, past }) =>
  past.some(({ actor }) => actor === approver.id)
    ? transactionErrors.error('duties_combined', 'Who has carried a transaction on cannot approve it.')
    : undefined;

/** Who deals at the desk that began a transaction does not check that desk in another role of theirs. */
const notOfDesk: ApprovalRule = (approval) => {
  const { approver, transaction, directory } = approval;
  const role = roleOf(approval);
  const begun = [transaction.initiator, transaction.carriedBy ?? transaction.initiator].map((id) =>
    directory.principal(id),
  );
  return role !== undefined && tradesOnSameDesk(approver, role, begun)
    ? transactionErrors.error(
        'duties_combined',
        `A trader of the desk that began a transaction cannot approve it as ${role}: ask somebody of another desk.`,
      )
    : undefined;
};

/**
 * One person counts once, with whichever of their keys; and one signature is used once, also after it has expired. What
 * was withdrawn comes back by a new signature alone.
 */
const notRepeated: ApprovalRule = ({ approver, claims, given, now }) => {
  const own = given.filter((approval) => approval.approver === approver.id);
  const same = own.find(({ tokenId }) => tokenId === claims.jti);
  if (same?.withdrawn !== undefined)
    return transactionErrors.error(
      'approval_withdrawn',
      'This approval was withdrawn: look at the intent and sign again.',
    );
  const stands = own.some(({ withdrawn, expiresAt }) => withdrawn === undefined && Date.parse(expiresAt) > now);
  return same !== undefined || stands
    ? transactionErrors.error('approval_repeated', 'This person has approved this transaction already.')
    : undefined;
};

const maxLifetimeSeconds = 3_600;
/** How far the approver's clock may be ahead of ours. */
const clockSkewSeconds = 60;

/** Milliseconds since the epoch: what the approver said, and at most an hour after signing. */
export function expiryOf({ iat, exp }: ApprovalClaims): number {
  return Math.min(exp, iat + maxLifetimeSeconds) * 1000;
}

/** An approval is for now. A late one is neither executed nor kept for later. */
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
      return transactionErrors.error(
        'approval_expired',
        'The approval has expired: look at the intent and sign again.',
      );
    default:
      return transactionErrors.error('approval_malformed', 'The approval says it was signed in the future.');
  }
};

/** Who has the last word speaks last: with the approvals that come before in hand. */
const inTurn: ApprovalRule = (approval) => {
  const ahead = approvingSteps(approval.transaction).flatMap(({ rule }) =>
    aheadOf(wantedByRule(rule, approval.transaction), approval),
  );
  if (ahead.length === 0) return undefined;
  const roles = [...new Set(ahead.map(({ role }) => role))];
  return transactionErrors.error(
    'approval_out_of_turn',
    `The approval of ${roles.join(' and ')} comes before this one.`,
    { facts: { before: ahead.map(({ role, count, institution }) => ({ role, count, institution })) } },
  );
};

/** What is still missing ahead of the entry that this approval would count for. */
function aheadOf(wanted: readonly Wanted[], approval: ApprovalCase): readonly Wanted[] {
  const { approver, transaction, directory, standing } = approval;
  const given = { approver: approver.id, role: roleOf(approval) ?? '', institution: approver.institution };
  const at = wanted.findIndex((want) => countsFor(want, given, { transaction, directory }));
  if (wanted[at]?.ordered !== true) return [];
  return missingApprovals(wanted.slice(0, at), { transaction, approvals: standing, directory });
}

/** Whichever key signs, of the directory's too: a word given while it may not have been theirs does not wait for better days. */
const settled: ApprovalRule = ({ account }) => {
  switch (account) {
    case 'settled':
      return undefined;
    case 'locked':
      return transactionErrors.error('approval_unsettled', 'The account of this person is locked.');
    case 'unsettled':
      return transactionErrors.error(
        'approval_unsettled',
        'There are signs that somebody else uses the account of this person, or it was recovered a short while ago.',
      );
    default:
      return account satisfies never;
  }
};

/** What was signed is what was seen: another transaction, or one changed field, and the signature is for something else. */
const termsUnchanged: ApprovalRule = ({ item, transaction }) =>
  item.txn === transaction.id && item.intentDigest === transaction.intentDigest
    ? undefined
    : transactionErrors.error(
        'approval_terms_changed',
        'What was approved is not the intent of this transaction: look at it again and sign its digest.',
      );

/**
 * The institution whose intent it is supervises it, and another where a step wants its word. A counterparty's consent
 * is another thing.
 */
const rightInstitution: ApprovalRule = ({ approver, transaction }) => {
  if (approver.institution === transaction.initiatorInstitution) return undefined;
  const asked = approvingSteps(transaction).some(({ rule }) =>
    wantedByRule(rule, transaction).some(({ institution }) => institution === approver.institution),
  );
  return asked
    ? undefined
    : transactionErrors.error(
        'approval_institution',
        'Only a person of the institution that began the transaction can approve it.',
      );
};

/** An approval of what cannot come any more approves nothing; it would only look as if it had. */
const awaited: ApprovalRule = ({ transaction, now }) => {
  const steps = approvingSteps(transaction);
  if (steps.length === 0)
    return transactionErrors.error(
      'approval_not_awaited',
      `The transaction is ${transaction.state}; nothing that follows now is waiting for an approval.`,
    );
  const { not_after: until } = transaction.detail;
  const over = (parseInstant(until) ?? 0) <= now && steps.every(({ rule }) => rule.inTime === true);
  return over ? transactionErrors.error('intent_expired', `The intent was good until ${until}.`) : undefined;
};

/** Whoever invites somebody to enrol a key may have enrolled one of their own for them: then two words are one person's. */
const independent: ApprovalRule = ({ isIndependent }) =>
  isIndependent
    ? undefined
    : transactionErrors.error(
        'approval_not_independent',
        'You and who began this, took it on or approved it are not independent: one of you invited the other to enrol a key. ' +
          'Somebody else has to approve it.',
      );

/** In the order in which they are told: what the approver can mend first. */
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

/** The first rule that an approval breaks. */
export function approvalFault(approval: ApprovalCase): CodedError | undefined {
  for (const rule of rules) {
    const fault = rule(approval);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** Whether an approver is surely somebody else than everybody whose word the transaction rests on beside theirs. */
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
