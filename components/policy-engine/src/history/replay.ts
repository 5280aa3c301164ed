import {
  comparedFields,
  obligationJson,
  type RecordedDecision,
  type ReplayDifference,
  type ReplayReport,
} from '@countersign/contracts';
import { canonicalize, digestOf, type Json } from '@countersign/kernel';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { Evaluator } from '../decision/find-remedies.ts';
import { denied, judge, notEvaluable, type Verdict } from '../decision/judge.ts';
import { heldToLimits } from '../decision/limit-finding.ts';
import type { Question } from '../decision/question.ts';
import { evaluateByReference } from '../shadow/reference-answer.ts';
import { type RecallSources, recall } from './recall.ts';
import type { DecisionRecord } from './recorded.ts';
import type { RecordedInput } from './recorded-question.ts';

/**
 * Repeats a recorded decision with its version and its entities, and compares the results. Compares nothing if an input is missing,
 * because an incomplete question has another answer.
 */
export async function replay(record: DecisionRecord, from: RecallSources): Promise<ReplayReport> {
  const { id, decision: recorded } = record;
  const recalled = await recall(record, from);
  if ('missing' in recalled) return { record: id, recorded, outcome: 'missing', missing: recalled.missing };
  const { bundle, input, question } = recalled;
  let judged = differencesBetween(recorded, judgeAgain(bundle, input, question));
  // The reference engine may have decided, if the compiled policies were distrusted at the time.
  if (
    judged.length > 0 &&
    differencesBetween(recorded, judgeAgain(bundle, input, question, evaluateByReference)).length === 0
  )
    judged = [];
  const differences = [...judged, ...differenceOfDigest(record)];
  return differences.length === 0
    ? { record: id, recorded, outcome: 'identical' }
    : { record: id, recorded, outcome: 'different', differences };
}

function differenceOfDigest({ decision }: DecisionRecord): readonly ReplayDifference[] {
  const replayed = digestOf(decision.input);
  return replayed === decision.inputDigest ? [] : [{ field: 'input_digest', recorded: decision.inputDigest, replayed }];
}

/** The verdict on a recorded question, with the recorded finding about limits. @param question undefined if there was none */
export function judgeAgain(
  bundle: LoadedBundle,
  { limits }: Pick<RecordedInput, 'limits'>,
  question: Question | undefined,
  evaluate?: Evaluator,
): Verdict {
  const verdict = question === undefined ? denied([notEvaluable]) : verdictOn(bundle, question, evaluate);
  return limits === undefined ? verdict : heldToLimits(verdict, limits);
}

/** A question that makes the evaluation throw is denied, as in a live decision. */
function verdictOn(bundle: LoadedBundle, question: Question, evaluate?: Evaluator): Verdict {
  try {
    return judge(bundle, question, evaluate);
  } catch {
    return denied([notEvaluable]);
  }
}

type Judged = Pick<
  RecordedDecision,
  'decision' | 'determining' | 'errors' | 'reasons' | 'obligations' | 'tokenLifetimeSeconds' | 'timeStamp'
>;

/** The members in which a verdict differs from the recorded decision. The order of errors does not matter. */
function differencesBetween(recorded: Judged, replayed: Verdict): readonly ReplayDifference[] {
  const left = comparable(recorded);
  const right = comparable(replayed);
  return comparedFields.flatMap((field) =>
    canonicalize(left[field]) === canonicalize(right[field])
      ? []
      : [{ field, recorded: left[field], replayed: right[field] }],
  );
}

function comparable(judged: Judged): Readonly<Record<(typeof comparedFields)[number], Json>> {
  const errors = judged.errors.map(({ policyId, message }) => ({ policy_id: policyId, message }));
  return {
    decision: judged.decision,
    determining: judged.determining,
    errors: errors.sort((a, b) => (a.policy_id < b.policy_id ? -1 : 1)),
    reasons: judged.reasons.map(({ code, detail }) => ({ code, detail })),
    obligations: judged.obligations.map(obligationJson),
    token_lifetime: judged.tokenLifetimeSeconds ?? null,
    time_stamp: judged.timeStamp ?? null,
  };
}

/** Whether a verdict equals the recorded decision. A faster {@link differencesBetween} for simulations. */
export function saysTheSame(recorded: Judged, judged: Verdict): boolean {
  return (
    recorded.decision === judged.decision &&
    recorded.tokenLifetimeSeconds === judged.tokenLifetimeSeconds &&
    recorded.timeStamp === judged.timeStamp &&
    sameTexts(recorded.determining, judged.determining) &&
    recorded.errors.length === judged.errors.length &&
    recorded.reasons.length === judged.reasons.length &&
    recorded.obligations.length === judged.obligations.length &&
    (recorded.decision || differencesBetween(recorded, judged).length === 0)
  );
}

function sameTexts(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((text, index) => text === right[index]);
}
