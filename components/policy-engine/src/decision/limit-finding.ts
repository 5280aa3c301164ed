import {
  type DecisionExplanation,
  type DecisionReason,
  type LimitReading,
  limitReadingJson,
  type Obligation,
  policyErrors,
  type ReserveOutcome,
} from '@countersign/contracts';
import { type Json, listOf, membersOf } from '@countersign/kernel';
import type { Verdict } from './judge.ts';

/**
 * The state of the limits before a permit; part of the input of the decision. `uncountable`: the amount cannot be counted, which
 * exceeds every limit.
 */
export interface LimitFinding {
  readonly outcome: ReserveOutcome['outcome'] | 'uncountable';
  readonly readings: readonly LimitReading[];
  /** Readings with too little headroom, worst first. */
  readonly exceeded: readonly LimitReading[];
  /** Approvals that would permit the order to exceed these limits. */
  readonly approvals: readonly { readonly role: string; readonly count: number }[];
  readonly uncountable: readonly DecisionReason[];
}

const nothing = { readings: [], exceeded: [], approvals: [], uncountable: [] };

/** @throws CodedError if the limits cannot be read */
export async function findingOf(reading: Promise<ReserveOutcome>): Promise<LimitFinding> {
  try {
    return { ...nothing, ...(await reading) };
  } catch (error) {
    if (!policyErrors.is(error, 'limit_currency') && !policyErrors.is(error, 'limit_amount')) throw error;
    return { ...nothing, outcome: 'uncountable', uncountable: [{ code: error.code, detail: error.detail }] };
  }
}

/** Turns a permit into a deny if a limit is exceeded. A deny by the policies keeps its reasons. */
export function heldToLimits(verdict: Verdict, finding: LimitFinding): Verdict {
  const { outcome, exceeded, approvals, uncountable } = finding;
  if (!verdict.decision || outcome === 'reserved') return verdict;
  return {
    decision: false,
    determining: [],
    errors: verdict.errors,
    reasons: [...uncountable, ...exceeded.map(wordsFor)],
    obligations: approvals.map(({ role, count }): Obligation => ({ kind: 'approval', role, count, escalation: [] })),
  };
}

export function readingsIn({ readings, exceeded }: LimitFinding): DecisionExplanation['limits'] {
  return readings.map((reading) => ({
    ...reading,
    exceeded: exceeded.some(({ limit, key }) => limit === reading.limit && key === reading.key),
  }));
}

function wordsFor({ limit, headroom, unit, max, amount }: LimitReading): DecisionReason {
  return {
    code: 'limit_exceeded',
    detail: `The limit ${limit} of ${max} ${unit} has ${headroom} ${unit} left, and this order is for ${amount} ${unit}.`,
  };
}

export function readingInWords({ limit, key, window, max, unit, used, headroom, amount }: LimitReading): string {
  return `${limit} (${key}, ${window}): ${used} of ${max} ${unit} used, ${headroom} left, ${amount} asked for.`;
}

/** The JSON for the input of a decision; members in canonical order. */
export function findingJson({ outcome, readings, exceeded, approvals, uncountable }: LimitFinding): Json {
  return {
    approvals: approvals.map(({ role, count }) => ({ count, role })),
    exceeded: exceeded.map(limitReadingJson),
    outcome,
    readings: readings.map(limitReadingJson),
    uncountable: uncountable.map(({ code, detail }) => ({ code, detail })),
  };
}

/** Reads the JSON of {@link findingJson}; undefined for anything else. */
export function readFinding(json: Json | undefined): LimitFinding | undefined {
  const { outcome, readings, exceeded, approvals, uncountable } = membersOf(json) ?? {};
  const [found, past] = [listOf(readings, readReading), listOf(exceeded, readReading)];
  const [missing, why] = [listOf(approvals, readApproval), listOf(uncountable, readReason)];
  if (outcome !== 'reserved' && outcome !== 'exceeded' && outcome !== 'uncountable') return undefined;
  return found === undefined || past === undefined || missing === undefined || why === undefined
    ? undefined
    : { outcome, readings: found, exceeded: past, approvals: missing, uncountable: why };
}

function readReading(json: Json): LimitReading | undefined {
  const { measure, overridden_by: overriddenBy, ...members } = membersOf(json) ?? {};
  const texts = textsIn(members, ['amount', 'headroom', 'key', 'limit', 'max', 'unit', 'used', 'window']);
  if (texts === undefined || (measure !== 'notional' && measure !== 'quantity')) return undefined;
  return { ...texts, measure, ...(typeof overriddenBy === 'string' ? { overriddenBy } : {}) };
}

function textsIn<const Name extends string>(
  members: Readonly<Record<string, Json>>,
  names: readonly Name[],
): Record<Name, string> | undefined {
  if (names.some((name) => typeof members[name] !== 'string')) return undefined;
  // Each of these members was just found to be text.
  return Object.fromEntries(names.map((name) => [name, members[name]])) as Record<Name, string>;
}

function readApproval(json: Json): { readonly role: string; readonly count: number } | undefined {
  const { role, count } = membersOf(json) ?? {};
  return typeof role === 'string' && typeof count === 'number' ? { role, count } : undefined;
}

function readReason(json: Json): DecisionReason | undefined {
  const { code, detail } = membersOf(json) ?? {};
  return typeof code === 'string' && typeof detail === 'string' ? { code, detail } : undefined;
}
