import { Refusal } from '@countersign/commands';
import {
  type Decision,
  type TransitionReceipt,
  type TransitionRequest,
  transactionErrors,
} from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import { approversOf, dutiesFault } from './approvals/duties.ts';
import { mayRequireApprovals, quorumFault, requiredApprovals } from './approvals/quorum.ts';
import { standingApprovals } from './approvals/standing.ts';
import { type Attempt, countingOf, isAwaited, type TransitionDependencies, takenAt } from './attempt.ts';
import { decideOn, decisionFault } from './decision.ts';
import { addressStanding } from './destinations/destinations.ts';
import {
  authorityLapse,
  type Lapse,
  mandateLapse,
  mismatchLapse,
  openExceptionFault,
  standingException,
} from './exceptions/lapse.ts';
import { explainRefusal, notVisible } from './explain-refusal.ts';
import { withPermitted, withTrade } from './facts.ts';
import { reopenHeadroom, reserveHeadroom } from './headroom.ts';
import { lifeCycleOf, type TransitionRule } from './life-cycles/index.ts';
import { checkMandates } from './mandate-check.ts';
import { stepOf } from './proof/change.ts';
import { type ChangingSteps, change } from './proof/commands.ts';
import type { Unit } from './proof/proven-store.ts';
import { refusalRecord } from './step-record.ts';
import { haltedFault, requesterFault, revokedFault } from './steps/requester.ts';
import {
  coolingOffFault,
  instructionFault,
  mismatchFault,
  permittedFault,
  sequenceFault,
  shortCodeFault,
  tradeFault,
} from './steps/rules.ts';
import type { StoredTransaction, StoredTransition } from './store/store.ts';
import { type Found, raiseInstead, receiptOf, settleHeadroom, type Taken, take } from './take-step.ts';
import { termsFault } from './terms.ts';
import { type TradeStanding, tradeStanding } from './trades/trade-standing.ts';
import { type Asked, parseTransitionBody, parseTransitionRequest } from './transition-request.ts';

export type { TransitionDependencies } from './attempt.ts';

export async function transition(
  request: TransitionRequest,
  dependencies: TransitionDependencies,
): Promise<TransitionReceipt> {
  return change(stepping(dependencies), dependencies, parseTransitionRequest(request));
}

interface Visible {
  readonly transaction: StoredTransaction;
  readonly past: readonly StoredTransition[];
  readonly earlier: StoredTransition | undefined;
}

function stepping(
  dependencies: TransitionDependencies,
): ChangingSteps<Asked, Visible, Found, Taken, TransitionReceipt> {
  const headroom = { limits: dependencies.policyEngine.limits, logger: dependencies.logger };
  return {
    async facts(unit, { ask, row }) {
      // Only parties learn that the transaction exists.
      if (row === undefined || !row.parties.includes(ask.institution)) throw notVisible();
      const past = await unit.transitions(row.id);
      const isEarlier = ({ institution, idempotencyKey }: StoredTransition) =>
        institution === ask.institution && idempotencyKey === ask.idempotencyKey;
      return { transaction: row, past, earlier: past.find(isEarlier) };
    },
    done: ({ ask, facts: { earlier } }) =>
      earlier?.event === ask.event && earlier.bodyDigest === ask.bodyDigest ? receiptOf(earlier, true) : undefined,
    check: ({ ask, facts, now }, unit) => judge(ask, facts, now, unit, dependencies),
    next: ({ found }, record) =>
      'lapse' in found ? raiseInstead(found, dependencies) : take(found, record, dependencies),
    async before({ found: { attempt } }, next) {
      if ('step' in next && countingOf(attempt) === 'ends') await reopenHeadroom(attempt.transaction.id, headroom);
    },
    record: (_, { said }) => said,
    refused: (error, { ask, facts }) =>
      facts === undefined || !Object.hasOwn(transactionErrors.codes, error.code)
        ? undefined
        : refusalRecord({ asked: ask, transaction: facts.transaction, rule: ruleOf(ask, facts) }, error, dependencies),
    async after({ ask, facts: { transaction } }, next) {
      if (next === undefined || 'step' in next)
        await settleHeadroom(ask, transaction, { isNew: next !== undefined }, dependencies);
    },
    release(next, { record }) {
      // The exception has been committed.
      if (!('step' in next)) throw next.error;
      return receiptOf(stepOf(next.transaction, next.step, record, next.body), false);
    },
  };
}

/** All checks of a step, in order. A failed check records a refusal; authority that lapsed after execution raises an exception. */
async function judge(
  asked: Asked,
  { transaction, past, earlier }: Visible,
  now: number,
  unit: Unit,
  dependencies: TransitionDependencies,
): Promise<Found> {
  if (earlier !== undefined) throw usedOtherwise(asked, transaction, earlier, dependencies);
  const attempt = await attemptOf(asked, { transaction, past }, now, unit, dependencies);
  const refuse = (fault: CodedError, decision?: Decision, told = fault) =>
    new Refusal(told, [refusalRecord(attempt, fault, dependencies, decision === undefined ? {} : { decision })]);
  /** An exception for the lapse, or a refusal if one is already open. */
  const lapsed = (lapse: Lapse, decision?: Decision): Found => {
    const standing = standingException(attempt, lapse);
    if (standing !== undefined) throw refuse(lapse.error(standing.id), decision);
    return { attempt, lapse };
  };
  const denied = (fault: CodedError, decision: Decision | undefined): Found => {
    const expired = attempt.given.length > attempt.approvals.length;
    const cause =
      fault.code === 'approval_required' ? (expired ? ('approval' as const) : undefined) : ('entitlement' as const);
    if (cause === undefined || attempt.rule.onLapse === 'refuse')
      throw refuse(fault, decision, explainRefusal(attempt, fault));
    return lapsed(authorityLapse(attempt, cause, fault), decision);
  };

  const misplaced = sequenceFault(attempt) ?? permittedFault(attempt) ?? (await requesterFault(attempt, dependencies));
  if (misplaced !== undefined) throw refuse(misplaced);
  const mismatch = mismatchFault(attempt);
  if (mismatch !== undefined && !(await unit.wasAccepted({ ...asked })))
    return lapsed(mismatchLapse(attempt, mismatch));
  const standing = await checkMandates(
    attempt.rule.mandates,
    transaction,
    { now, takenAt: takenAt(attempt) },
    dependencies.consentStore,
  );
  if (!standing.valid) {
    const lapse = mandateLapse(attempt, standing);
    if (attempt.rule.onLapse === 'refuse') throw refuse(lapse.error());
    return lapsed(lapse);
  }
  // Both ask the log in the same query.
  const [revoked, halted] = await Promise.all([
    revokedFault(
      attempt,
      standing.mandates.map(({ id }) => id),
      dependencies,
    ),
    haltedFault(attempt, dependencies),
  ]);
  const stopped = revoked ?? halted;
  if (stopped !== undefined) throw refuse(stopped);
  const fault = openExceptionFault(attempt) ?? (await circumstanceFault(attempt, dependencies));
  if (fault !== undefined) throw refuse(fault);
  const address = await addressStanding(attempt, unit);
  if (!address.valid) throw refuse(address.fault);
  const untraded = await tradeFault(attempt, unit);
  if (untraded !== undefined) throw refuse(untraded, undefined, explainRefusal(attempt, untraded));

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
  const undecided = decision === undefined ? undefined : decisionFault(decision);
  if (undecided !== undefined) return denied(undecided, decision);
  const wanted = requiredApprovals(attempt.rule, transaction, standing.mandates);
  const wanting = quorumFault(wanted, { ...attempt, directory: dependencies.directory.snapshot() });
  if (wanting !== undefined) return denied(wanting, decision);
  const used = attempt.rule.to === 'cancelled' ? undefined : await instructionFault(attempt, standing.mandates, unit);
  if (used !== undefined) throw refuse(used, decision);
  // Last of all, because a reservation stays if it is unknown whether the step was recorded.
  const reserved =
    countingOf(attempt) === 'begins'
      ? await reserveHeadroom(attempt, standing.mandates, dependencies.policyEngine.limits)
      : { readings: undefined, standing: [] };
  if ('fault' in reserved) throw refuse(reserved.fault, decision);
  return {
    attempt,
    destinationDigest: address.digest,
    grounds: {
      mandates: standing.mandates,
      decision,
      readings: reserved.readings,
      counters: reserved.standing,
      trades: attempt.rule.trade === true && attempt.trade.kind === 'usable' ? attempt.trade.trades : [],
      approvals: mayRequireApprovals(attempt.rule) || wanted.length > 0 ? attempt.approvals : [],
    },
  };
}

/** The idempotency key was used for a different request. */
function usedOtherwise(
  asked: Asked,
  transaction: StoredTransaction,
  { recordId }: StoredTransition,
  dependencies: TransitionDependencies,
): Refusal {
  const fault = transactionErrors.error(
    'idempotency_conflict',
    'This idempotency key was used for another event or another body.',
  );
  return new Refusal(fault, [refusalRecord({ asked, transaction }, fault, dependencies, { references: [recordId] })]);
}

function ruleOf({ event }: Asked, { transaction }: Pick<Visible, 'transaction'>): TransitionRule | undefined {
  return lifeCycleOf(transaction.detail).rules[event];
}

async function attemptOf(
  asked: Asked,
  { transaction, past }: Pick<Visible, 'transaction' | 'past'>,
  now: number,
  unit: Unit,
  { directory, authenticators, signalsOf, audit }: TransitionDependencies,
): Promise<Attempt> {
  const cycle = lifeCycleOf(transaction.detail);
  const rule = ruleOf(asked, { transaction });
  if (rule === undefined)
    throw transactionErrors.error(
      'intent_not_supported',
      `The life cycle ${cycle.name} has no event ${asked.event}. Its events: ${Object.keys(cycle.rules).join(', ')}.`,
    );
  const given = await unit.approvals(transaction.id);
  const { awaitedUntil } = transaction;
  // A step that reports an event needs neither trade nor destination, so it takes no other locks.
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
    approvals: await standingApprovals(transaction, given, now, { directory, authenticators, signalsOf, audit }),
    openExceptions: await unit.openExceptions(transaction.id),
    now,
    late: awaitedUntil !== null && awaitedUntil < now && isAwaited(transaction, asked.event),
    trade,
    known: await (looks
      ? withTrade(trade, transaction, unit, { directory: directory.snapshot(), now })
      : withPermitted(transaction, unit)),
  };
}

/** Checks of duties, short codes, cooling-off and terms, independent of authority. */
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
