import type { TransitionReceipt } from '@countersign/contracts';
import { areWantedAgain } from './approvals/approving-steps.ts';
import { type Attempt, countingOf, type Outcome, type TransitionDependencies } from './attempt.ts';
import { leaveException } from './exceptions/lapse.ts';
import { commitHeadroom, releaseHeadroom } from './headroom.ts';
import { lifeAfter } from './life-after.ts';
import { lifeCycleOf, stateRuleOf } from './life-cycles/index.ts';
import { type Grounds, stepRecord } from './step-record.ts';
import type { StoredTransaction, StoredTransition, Unit } from './store.ts';
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
  const draft = stepRecord(attempt, { ...grounds, delay }, dependencies);
  const { time } = await appendOrGiveBack(draft, attempt, dependencies);
  const { decision, approvals } = grounds;
  const done: StoredTransition = {
    transaction: transaction.id,
    event: asked.event,
    state: rule.to,
    version: transaction.version + 1,
    recordedAt: time,
    recordId: draft.id,
    institution: asked.institution,
    idempotencyKey: asked.idempotencyKey,
    bodyDigest: asked.bodyDigest,
    body: asked.body,
    actor: asked.by.id,
    ...(attempt.late ? { late: true } : {}),
    ...(decision === undefined ? {} : { decision: { id: decision.id, policyVersion: decision.policyVersion } }),
  };
  await unit.putTransition(done, lifeAfter({ ...transaction, destinationDigest }, rule.to, attempt.now));
  if (!areWantedAgain(attempt.cycle, rule.to))
    await unit.useApprovals(
      approvals.map(({ id }) => id),
      done.version,
    );
  return receiptOf(done, false);
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

/**
 * What the log did not take did not happen, so the headroom is given back. When the database fails later it stays
 * reserved: whether the commit took effect is then not known, and is found out later.
 */
async function appendOrGiveBack(
  draft: ReturnType<typeof stepRecord>,
  attempt: Attempt,
  { audit, policyEngine, logger }: TransitionDependencies,
) {
  try {
    return await audit.append(draft);
  } catch (error) {
    if (countingOf(attempt) === 'begins')
      await releaseHeadroom(attempt.transaction.id, { limits: policyEngine.limits, logger });
    throw error;
  }
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
