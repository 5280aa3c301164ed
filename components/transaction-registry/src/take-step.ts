import type { TransitionReceipt } from '@countersign/contracts';
import { toInstant } from '@countersign/kernel';
import { areWantedAgain } from './approvals/approving-steps.ts';
import { type Attempt, countingOf, type Outcome, type TransitionDependencies } from './attempt.ts';
import { leaveException } from './exceptions/lapse.ts';
import { commitHeadroom, releaseHeadroom } from './headroom.ts';
import { lifeAfter } from './life-after.ts';
import { lifeCycleOf, stateRuleOf } from './life-cycles/index.ts';
import { type Change, type RecordedStep, stepOf } from './proof/change.ts';
import type { Unit } from './proof/proven-store.ts';
import { type Grounds, stepRecord } from './step-record.ts';
import type { StoredTransaction, StoredTransition } from './store.ts';
import { takenOfTrades } from './trades/take-trades.ts';
import type { Asked } from './transition-request.ts';

/** Evidence first, then the state that names it. */
export async function takeStep(
  attempt: Attempt,
  grounds: Omit<Grounds, 'delay'>,
  destinationDigest: StoredTransaction['destinationDigest'],
  unit: Unit,
  dependencies: TransitionDependencies,
): Promise<TransitionReceipt> {
  const { asked, rule, transaction } = attempt;
  const delay = await tellDelay(attempt, unit, dependencies);
  const draft = stepRecord(attempt, { ...grounds, delay });
  const { decision, approvals, mandates } = grounds;
  const step: RecordedStep = {
    event: asked.event,
    state: rule.to,
    version: transaction.version + 1,
    recordedAt: toInstant(attempt.now),
    institution: asked.institution,
    idempotencyKey: asked.idempotencyKey,
    bodyDigest: asked.bodyDigest,
    actor: asked.by.id,
    ...(attempt.late ? { late: true } : {}),
    ...(decision === undefined ? {} : { decision: { id: decision.id, policyVersion: decision.policyVersion } }),
  };
  const takes = takenOfTrades(attempt);
  const change: Change = {
    step,
    after: lifeAfter({ ...transaction, destinationDigest }, rule.to, attempt.now),
    ...(takes === undefined ? {} : { takes }),
    instructions:
      rule.to === 'cancelled' ? [] : mandates.filter(({ kind }) => kind === 'instruction').map(({ id }) => id),
    used: areWantedAgain(attempt.cycle, rule.to) ? [] : approvals.map(({ id }) => id),
  };
  // Where this fails nobody knows whether it was recorded: the headroom stays reserved, and is settled later by what became of it.
  const recordId = await unit.change(transaction.id, draft, change, asked.body);
  return receiptOf(stepOf(transaction.id, step, recordId, asked.body), false);
}

/** What came late is taken, and somebody looks at the delay: told now, where no sweep has told it before. */
async function tellDelay(attempt: Attempt, unit: Unit, dependencies: TransitionDependencies) {
  const { late, transaction, asked } = attempt;
  if (!late || transaction.overdueVersion === transaction.version) return undefined;
  const { exception } = await leaveException(
    attempt,
    {
      cause: 'partner-timeout',
      reason: 'event_late',
      raised: {
        detail: `${asked.event} came after the time until which it was waited for.`,
        owner: transaction.initiatorInstitution,
      },
    },
    unit,
    dependencies,
  );
  return exception.recordId;
}

/** After the commit. Headroom is given back at each repetition of what ended it: at the latest when asked twice. */
export async function settleHeadroom(
  asked: Asked,
  { kind, transaction }: Exclude<Outcome, { kind: 'told' }>,
  { policyEngine: { limits }, store, logger }: TransitionDependencies,
): Promise<void> {
  const cycle = lifeCycleOf(transaction.detail);
  const rule = cycle.rules[asked.event];
  if (rule === undefined) return;
  const counts = stateRuleOf(cycle, rule.to).counts === true;
  const counted = rule.from.some((state) => stateRuleOf(cycle, state).counts === true);
  if (counted && !counts) await releaseHeadroom(asked.transaction, { limits, logger });
  if (kind === 'done' && countingOf({ cycle, rule, transaction }) === 'begins')
    await commitHeadroom(asked.transaction, { limits, counts: store.counts, logger });
}

/** As the contract tells of a step. */
export function receiptOf(
  { transaction, event, state, version, recordedAt, recordId, late }: StoredTransition,
  replayed: boolean,
): TransitionReceipt {
  return {
    transaction,
    event,
    state,
    version,
    recordedAt,
    recordId,
    ...(late === true ? { late } : {}),
    replayed,
  };
}
