import {
  type Decision,
  type TransitionReceipt,
  type TransitionRequest,
  transactionErrors,
} from '@countersign/contracts';
import type { CodedError, RecordId } from '@countersign/kernel';
import { approversOf } from './approvals/approvers-of.ts';
import { wantsApprovals } from './approvals/approving-steps.ts';
import { dutiesFault } from './approvals/duties.ts';
import { quorumFault } from './approvals/quorum.ts';
import { wantedFor } from './approvals/wanted.ts';
import { type Attempt, countingOf, isAwaited, type Outcome, type TransitionDependencies, takenAt } from './attempt.ts';
import { digestInTheOpen, digestToldToFew, payloadInTheOpen } from './body-digest.ts';
import { decideOn, decisionFault } from './decision.ts';
import { addressStanding } from './destinations/address-stands.ts';
import { coolingOffFault } from './destinations/cooling-off.ts';
import { openExceptionFault } from './exceptions/blocking.ts';
import { authorityLapse, type Lapse, leaveException, mandateLapse, mismatchLapse } from './exceptions/lapse.ts';
import { standingApprovals } from './facts.ts';
import { reopenHeadroom, reserveHeadroom } from './headroom.ts';
import { withPermitted, withTrade } from './known-facts.ts';
import { lifeCycleOf, type TransitionRule } from './life-cycles/index.ts';
import { checkMandates } from './mandate-check.ts';
import type { Unit } from './proof/proven-store.ts';
import { recordAbout, referencesTo } from './records.ts';
import { refusalRecord } from './step-record.ts';
import { handFault } from './steps/hand.ts';
import { placeFault } from './steps/in-place.ts';
import { instructionFault } from './steps/instruction-used.ts';
import { mismatchFault } from './steps/partner-agrees.ts';
import { permittedFault } from './steps/permitted.ts';
import { revokedFault } from './steps/revoked.ts';
import { shortCodeFault } from './steps/short-codes.ts';
import type { StoredTransaction, StoredTransition } from './store.ts';
import { receiptOf, settleHeadroom, takeStep } from './take-step.ts';
import { termsFault } from './terms.ts';
import { toldTo } from './told-to.ts';
import { tradeFault } from './trades/take-trades.ts';
import { type TradeStanding, tradeStanding } from './trades/trade-standing.ts';
import { parseTransitionBody } from './transition-body.ts';
import { type Asked, parseTransitionRequest } from './transition-request.ts';

export type { TransitionDependencies } from './attempt.ts';

/** Carries a transaction on by one event; see the contract. */
export async function transition(
  request: TransitionRequest,
  dependencies: TransitionDependencies,
): Promise<TransitionReceipt> {
  const asked = parseTransitionRequest(request);
  const outcome = await dependencies.store.inUnit((unit) => carryOut(asked, unit, dependencies));
  if (outcome.kind === 'told') throw outcome.error;
  await settleHeadroom(asked, outcome, dependencies);
  return outcome.receipt;
}

async function carryOut(asked: Asked, unit: Unit, dependencies: TransitionDependencies): Promise<Outcome> {
  const transaction = await lockVisible(asked, unit);
  const past = await unit.transitions(transaction.id);
  const earlier = past.find(
    ({ institution, idempotencyKey }) => institution === asked.institution && idempotencyKey === asked.idempotencyKey,
  );
  if (earlier !== undefined)
    return earlier.event === asked.event && earlier.bodyDigest === asked.bodyDigest
      ? { kind: 'replayed', receipt: receiptOf(earlier, true), transaction }
      : refuseConflict(asked, transaction, earlier, dependencies);
  const rule = lifeCycleOf(transaction.detail).rules[asked.event];
  if (rule === undefined) return refuseUnknown(asked, transaction, dependencies);
  const attempt = await attemptOf(asked, rule, transaction, past, unit, dependencies);

  const misplaced = placeFault(attempt) ?? permittedFault(attempt) ?? (await handFault(attempt, dependencies));
  if (misplaced !== undefined) return refuse(attempt, misplaced, dependencies);
  const mismatch = mismatchFault(attempt);
  if (mismatch !== undefined && !(await unit.wasAccepted({ ...asked })))
    return leave(attempt, mismatchLapse(attempt, mismatch), unit, dependencies);
  const standing = await checkMandates(
    attempt.rule.mandates,
    transaction,
    { now: attempt.now, takenAt: takenAt(attempt) },
    dependencies.consentStore,
  );
  if (!standing.stands) return lapse(attempt, mandateLapse(attempt, standing), unit, dependencies);
  const revoked = await revokedFault(
    attempt,
    standing.mandates.map(({ id }) => id),
    dependencies,
  );
  if (revoked !== undefined) return refuse(attempt, revoked, dependencies);
  const fault = openExceptionFault(attempt) ?? (await circumstanceFault(attempt, dependencies));
  if (fault !== undefined) return refuse(attempt, fault, dependencies);
  const address = await addressStanding(attempt, unit);
  if (!address.stands) return refuse(attempt, address.fault, dependencies);
  const untraded = await tradeFault(attempt, unit);
  if (untraded !== undefined) return refuse(attempt, untraded, dependencies, undefined, toldTo(attempt, untraded));

  const decision = attempt.rule.decided
    ? await decideOn(
        {
          ...attempt,
          client: asked.by.client,
          institution: asked.institution,
          signedIn: { ...asked.authentication, by: asked.by.id },
        },
        dependencies,
      )
    : undefined;
  const denied = decision === undefined ? undefined : decisionFault(decision);
  if (denied !== undefined && decision !== undefined) return denyOrLapse(attempt, denied, decision, unit, dependencies);
  const wanted = wantedFor(attempt.rule, transaction, standing.mandates);
  const wanting = quorumFault(wanted, { ...attempt, directory: dependencies.directory.snapshot() });
  if (wanting !== undefined) return denyOrLapse(attempt, wanting, decision, unit, dependencies);
  const used = attempt.rule.to === 'cancelled' ? undefined : await instructionFault(attempt, standing.mandates, unit);
  if (used !== undefined) return refuse(attempt, used, dependencies, decision);

  const { limits } = dependencies.policyEngine;
  const counting = countingOf(attempt);
  const headroom =
    counting === 'begins'
      ? await reserveHeadroom(attempt, standing.mandates, limits)
      : { readings: undefined, standing: [] };
  if ('fault' in headroom) return refuse(attempt, headroom.fault, dependencies, decision);
  if (counting === 'ends') await reopenHeadroom(transaction.id, { ...dependencies, limits });
  const grounds = {
    mandates: standing.mandates,
    decision,
    readings: headroom.readings,
    counters: headroom.standing,
    trades: attempt.rule.trade === true && attempt.trade.kind === 'stands' ? attempt.trade.trades : [],
    approvals: wantsApprovals(attempt.rule) || wanted.length > 0 ? attempt.approvals : [],
  };
  const receipt = await takeStep(attempt, grounds, address.digest, unit, dependencies);
  return { kind: 'done', receipt, transaction };
}

/** Whoever is no party learns not even that the transaction exists. */
async function lockVisible(asked: Asked, unit: Unit): Promise<StoredTransaction> {
  const transaction = await unit.lock(asked.transaction);
  if (transaction === undefined || !transaction.parties.includes(asked.institution))
    throw transactionErrors.error('transaction_not_found', 'There is no such transaction, or it is not yours to see.');
  return transaction;
}

/** The key stands for something else: a client that has lost count, or somebody who changes what was asked for. */
function refuseConflict(
  asked: Asked,
  transaction: StoredTransaction,
  { recordId }: StoredTransition,
  dependencies: TransitionDependencies,
): Promise<never> {
  const fault = transactionErrors.error(
    'idempotency_conflict',
    'This idempotency key was used for another event or another body.',
  );
  return refuseUnread(asked, transaction, { fault, references: referencesTo(recordId) }, dependencies);
}

/** An event that no step of its life is. */
function refuseUnknown(
  asked: Asked,
  transaction: StoredTransaction,
  dependencies: TransitionDependencies,
): Promise<never> {
  const { name, rules } = lifeCycleOf(transaction.detail);
  const fault = transactionErrors.error(
    'intent_not_supported',
    `There is no ${asked.event} in the life ${name}: there is ${Object.keys(rules).join(', ')}.`,
  );
  return refuseUnread(asked, transaction, { fault, references: referencesTo(transaction.lastRecordId) }, dependencies);
}

/** Records the refusal of what was not looked into any further, then tells it. */
async function refuseUnread(
  asked: Asked,
  transaction: StoredTransaction,
  { fault, references }: { readonly fault: CodedError; readonly references: readonly RecordId[] },
  { audit, ...from }: TransitionDependencies,
): Promise<never> {
  await audit.append({
    ...recordAbout(transaction, from),
    type: 'transaction.refused',
    outcome: 'deny',
    reason: fault.code,
    references,
    subject: { id: asked.by.id, institution: asked.institution },
    client: asked.by.client,
    ...payloadInTheOpen(asked),
    data: { event: asked.event, state: transaction.state, ...digestInTheOpen(asked) },
    protectedValues: digestToldToFew(asked),
  });
  throw fault;
}

/** @throws CodedError `transition_invalid` */
async function attemptOf(
  asked: Asked,
  rule: TransitionRule,
  transaction: StoredTransaction,
  past: readonly StoredTransition[],
  unit: Unit,
  { directory, authenticators, signalsOf, clock }: TransitionDependencies,
): Promise<Attempt> {
  const cycle = lifeCycleOf(transaction.detail);
  const now = clock.now();
  const given = await unit.approvals(transaction.id);
  const { awaitedUntil } = transaction;
  // A step that reports what happened asks neither for the trade nor for the destination: it takes no locks but its own.
  const looks = rule.decided || rule.trade === true;
  const trade: TradeStanding = looks ? await tradeStanding(transaction, unit) : { kind: 'none' };
  return {
    asked,
    cycle,
    rule,
    body: parseTransitionBody(cycle.name, asked.event, asked.body),
    transaction,
    past,
    given,
    approvals: await standingApprovals(transaction, given, now, { directory, authenticators, signalsOf }),
    openExceptions: await unit.openExceptions(transaction.id),
    now,
    late: awaitedUntil !== null && awaitedUntil < now && isAwaited(transaction, asked.event),
    trade,
    known: await (looks
      ? withTrade(trade, transaction, unit, { directory: directory.snapshot(), now })
      : withPermitted(transaction, unit)),
  };
}

/** What speaks against the step, whatever authority there is for it. */
async function circumstanceFault(
  attempt: Attempt,
  { directory, audit, addressCoolingOffMs }: TransitionDependencies,
): Promise<CodedError | undefined> {
  const snapshot = directory.snapshot();
  const { duties } = attempt.rule;
  return (
    dutiesFault(duties, {
      by: attempt.asked.by,
      actors: attempt.asked.actors,
      transaction: attempt.transaction,
      approvers: duties?.notApprover === true ? await approversOf(attempt.transaction.id, audit) : [],
      directory: snapshot,
    }) ??
    shortCodeFault(attempt, snapshot) ??
    coolingOffFault(attempt, addressCoolingOffMs) ??
    termsFault(attempt, snapshot)
  );
}

/** Records the refusal, then tells it. Nothing else is left behind: the transaction of the database is rolled back. */
async function refuse(
  attempt: Attempt,
  error: CodedError,
  { audit, ...from }: TransitionDependencies,
  decision?: Decision,
  told = error,
): Promise<never> {
  await audit.append(refusalRecord(attempt, error, from, decision));
  throw told;
}

/** A policy that nobody can satisfy is an entitlement lost; approvals that stood once and do not now have lapsed. */
async function denyOrLapse(
  attempt: Attempt,
  fault: CodedError,
  decision: Decision | undefined,
  unit: Unit,
  dependencies: TransitionDependencies,
): Promise<Outcome> {
  const expired = attempt.given.length > attempt.approvals.length;
  const cause =
    fault.code === 'approval_required' ? (expired ? ('approval' as const) : undefined) : ('entitlement' as const);
  return cause === undefined || attempt.rule.onLapse === 'refuse'
    ? refuse(attempt, fault, dependencies, decision, toldTo(attempt, fault))
    : leave(attempt, authorityLapse(attempt, cause, fault), unit, dependencies, decision);
}

/**
 * Authority has ended. Before anything has happened a refusal is enough; afterwards something stands that may not be
 * carried on, and an exception with it until a person has dealt with it.
 */
function lapse(attempt: Attempt, why: Lapse, unit: Unit, dependencies: TransitionDependencies): Promise<Outcome> {
  return attempt.rule.onLapse === 'refuse'
    ? refuse(attempt, why.error(), dependencies)
    : leave(attempt, why, unit, dependencies);
}

async function leave(
  attempt: Attempt,
  why: Lapse,
  unit: Unit,
  dependencies: TransitionDependencies,
  decision?: Decision,
): Promise<Outcome> {
  const { exception, isNew } = await leaveException(attempt, why, unit, dependencies);
  const error = why.error(exception.id);
  return isNew ? { kind: 'told', error } : refuse(attempt, error, dependencies, decision);
}
