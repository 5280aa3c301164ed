import {
  type Decision,
  type LimitReading,
  limitReadingJson,
  type Mandate,
  openDecision,
  type ProtectedValue,
  protectedDecision,
  type RecordDraft,
  type Standing,
} from '@countersign/contracts';
import type { Clock, CodedError, Json, Random, RecordId } from '@countersign/kernel';
import type { Attempt } from './attempt.ts';
import {
  changeAbout,
  isEmpty,
  openDigest,
  openPayload,
  recordAbout,
  referencesTo,
  restrictedDigest,
  strategyOf,
} from './records.ts';
import type { StoredApproval } from './store/store.ts';
import type { ExecutedTrade } from './trades/trade-standing.ts';

interface From {
  readonly clock: Clock;
  readonly random: Random;
}

export interface Grounds {
  readonly mandates: readonly Mandate[];
  readonly decision: Decision | undefined;
  readonly readings: readonly LimitReading[] | undefined;
  readonly counters: readonly Standing[];
  readonly trades: readonly Pick<ExecutedTrade, 'recordId'>[];
  readonly approvals: readonly StoredApproval[];
  readonly delay: RecordId | undefined;
}

export function stepRecord(attempt: Attempt, grounds: Grounds): Omit<RecordDraft, 'id'> {
  const { asked, rule, transaction } = attempt;
  const { mandates, decision, readings, counters, trades, approvals, delay } = grounds;
  // A body is parsed from JSON.
  const body = asked.body as Json;
  const named = mandates.find(({ id }) => id === transaction.mandate.id);
  return {
    ...changeAbout(transaction),
    type: 'transaction.transitioned',
    outcome: 'done',
    ...(named === undefined ? {} : { mandate: { id: named.id, version: named.version } }),
    references: referencesTo(
      transaction.lastRecordId,
      transaction.mandate.recordId,
      ...mandates.map(({ recordId }) => recordId),
      ...trades.map(({ recordId }) => recordId),
      ...approvals.map(({ recordId }) => recordId),
      // The permitted token is the ground of the first step; the others rest on that step.
      transaction.state === 'intended' ? attempt.known.permitted?.record : undefined,
      delay,
      decision?.policyRecord,
    ),
    ...circumstancesOf(attempt, decision),
    ...(counters.length === 0 ? {} : { standing: counters }),
    data: {
      event: asked.event,
      from: transaction.state,
      to: rule.to,
      version: transaction.version + 1,
      ...openDigest(asked),
      ...(isEmpty(body) ? { body } : {}),
      ...(attempt.late ? { late: true } : {}),
      ...decisionMember(decision),
      ...(readings?.length === 0 ? { limits: [] } : {}),
    },
    protectedValues: [
      ...strategyOf(asked.institution, { body, limits: readings?.map(limitReadingJson) }),
      ...restrictedDigest(asked),
      ...protectedPart(decision, asked.institution),
    ],
  };
}

/** A refused step; `rule` is absent if the life cycle has no such step. */
interface Refusable extends Pick<Attempt, 'asked' | 'transaction'> {
  readonly rule?: Attempt['rule'] | undefined;
}

/** The record of a step that is refused. @param references to what it was compared with; the last step where left out */
export function refusalRecord(
  { asked, transaction, rule }: Refusable,
  error: CodedError,
  from: From,
  { decision, references = [transaction.lastRecordId] }: { decision?: Decision; references?: readonly RecordId[] } = {},
): RecordDraft {
  return {
    ...recordAbout(transaction, from),
    type: 'transaction.refused',
    outcome: 'deny',
    reason: error.code,
    references: referencesTo(...references, decision?.policyRecord),
    ...circumstancesOf({ asked, rule }, decision),
    data: {
      event: asked.event,
      state: transaction.state,
      ...openDigest(asked),
      ...decisionMember(decision),
    },
    protectedValues: [
      ...restrictedDigest(asked),
      // Facts of our errors are JSON.
      ...strategyOf(asked.institution, { facts: error.facts as Json | undefined }),
      ...protectedPart(decision, asked.institution),
    ],
  };
}

export function circumstancesOf(
  { asked, rule }: Omit<Refusable, 'transaction'>,
  decision?: Decision,
): Partial<RecordDraft> {
  return {
    subject: { id: asked.by.id, institution: asked.institution },
    client: asked.by.client,
    ...(asked.actors === undefined ? {} : { actors: asked.actors.map((id) => ({ id })) }),
    ...(rule === undefined ? {} : { scope: [rule.scope] }),
    ...openPayload(asked),
    ...(decision === undefined ? {} : { policy: { version: decision.policyVersion, hash: decision.policyHash } }),
  };
}

function decisionMember(decision: Decision | undefined): { readonly decision?: Json } {
  return decision === undefined ? {} : { decision: openDecision(decision) };
}

function protectedPart(decision: Decision | undefined, institution: string): readonly ProtectedValue[] {
  return decision === undefined ? [] : protectedDecision(decision, institution);
}
