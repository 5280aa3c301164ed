import type { TransitionReceipt } from '@countersign/contracts';
import { type CodedError, defined, type RecordId, type TransactionId, toInstant } from '@countersign/kernel';
import { nextStepNeedsApprovals } from './approvals/quorum.ts';
import { type Attempt, countingOf, type TransitionDependencies } from './attempt.ts';
import { exceptionOf, type Lapse, standingException } from './exceptions/lapse.ts';
import { commitHeadroom, releaseHeadroom } from './headroom.ts';
import { lifeCycleOf, stateRuleOf } from './life-cycles/index.ts';
import type { ChangeDraft, RecordedStep } from './proof/change.ts';
import { stepEffect } from './step-effect.ts';
import { type Grounds, stepRecord } from './step-record.ts';
import { takenOfTrades } from './steps/rules.ts';
import type { StoredTransaction, StoredTransition } from './store/store.ts';
import type { Asked } from './transition-request.ts';

/** The result of the checks: the grounds of the step, or the reason for an exception. */
export type Found =
  | {
      readonly attempt: Attempt;
      readonly grounds: Omit<Grounds, 'delay'>;
      readonly destinationDigest: StoredTransaction['destinationDigest'];
    }
  | { readonly attempt: Attempt; readonly lapse: Lapse };

/** The records to write, in order, with the new step or the error. */
export type Taken = { readonly said: readonly ChangeDraft[] } & (
  | {
      readonly transaction: TransactionId;
      readonly step: RecordedStep;
      readonly body: Readonly<Record<string, unknown>>;
    }
  | { readonly error: CodedError }
);

type From = Pick<TransitionDependencies, 'clock' | 'random' | 'exceptionTimes'>;

/** Takes a step, after an exception for its delay if it is late. @param first id of the first record */
export function take(
  { attempt, grounds, destinationDigest }: Extract<Found, { readonly grounds: unknown }>,
  first: RecordId,
  from: From,
): Taken {
  const { asked, rule, transaction, cycle, now, late } = attempt;
  const { decision, approvals, mandates } = grounds;
  const step: RecordedStep = {
    event: asked.event,
    state: rule.to,
    version: transaction.version + 1,
    recordedAt: toInstant(now),
    institution: asked.institution,
    idempotencyKey: asked.idempotencyKey,
    bodyDigest: asked.bodyDigest,
    actor: asked.by.id,
    ...(late ? { late: true } : {}),
    ...(decision === undefined ? {} : { decision: { id: decision.id, policyVersion: decision.policyVersion } }),
  };
  const takes = takenOfTrades(attempt);
  const change: ChangeDraft['change'] = {
    step,
    after: stepEffect({ ...transaction, destinationDigest }, rule.to, now),
    ...defined({ takes }),
    instructions:
      rule.to === 'cancelled' ? [] : mandates.filter(({ kind }) => kind === 'instruction').map(({ id }) => id),
    used: nextStepNeedsApprovals(cycle, rule.to) ? [] : approvals.map(({ id }) => id),
  };
  const delay = delayOf(attempt, first, from);
  const { body } = asked;
  return {
    transaction: transaction.id,
    step,
    body,
    said: [...(delay?.said ?? []), { draft: stepRecord(attempt, { ...grounds, delay: delay?.record }), change, body }],
  };
}

/** Raises an exception instead of the step. */
export function raiseInstead({ attempt, lapse }: Extract<Found, { readonly lapse: unknown }>, from: From): Taken {
  const { exception, said } = exceptionOf(attempt, lapse, from);
  return { said: [said], error: lapse.error(exception.id) };
}

function delayOf(
  attempt: Attempt,
  first: RecordId,
  from: From,
): { readonly record: RecordId; readonly said: readonly ChangeDraft[] } | undefined {
  const { late, transaction, asked } = attempt;
  if (!late || transaction.overdueVersion === transaction.version) return undefined;
  const standing = standingException(attempt, { cause: 'partner-timeout' });
  if (standing !== undefined) return { record: standing.recordId, said: [] };
  const { said } = exceptionOf(
    attempt,
    {
      cause: 'partner-timeout',
      reason: 'event_late',
      raised: {
        detail: `${asked.event} arrived after its deadline.`,
        owner: transaction.initiatorInstitution,
      },
    },
    from,
  );
  return { record: first, said: [said] };
}

/** Settles reservations after the commit; a repeated request releases again. @param transaction as it was before */
export async function settleHeadroom(
  asked: Asked,
  transaction: StoredTransaction,
  { isNew }: { readonly isNew: boolean },
  { policyEngine: { limits }, store, logger }: TransitionDependencies,
): Promise<void> {
  const cycle = lifeCycleOf(transaction.detail);
  const rule = cycle.rules[asked.event];
  if (rule === undefined) return;
  const counts = stateRuleOf(cycle, rule.to).counts === true;
  const counted = rule.from.some((state) => stateRuleOf(cycle, state).counts === true);
  if (counted && !counts) await releaseHeadroom(asked.transaction, { limits, logger });
  if (isNew && countingOf({ cycle, rule, transaction }) === 'begins')
    await commitHeadroom(asked.transaction, { limits, counts: store.counts, logger });
}

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
