import type { ReplayDifference, ReplayReport } from '@countersign/contracts';
import { digestOf } from '@countersign/kernel';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { Evaluator } from '../decision/evaluator.ts';
import { denied, judge, notEvaluable, type Verdict } from '../decision/judge.ts';
import { heldToLimits } from '../decision/limit-finding.ts';
import type { Question } from '../decision/question.ts';
import { evaluateByReference } from '../shadow/reference-answer.ts';
import { differencesBetween } from './differences.ts';
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

/**
 * The verdict of a bundle on a recorded question, with the recorded finding about limits.
 *
 * @param question undefined if there was none for the policies
 * @param evaluate the engine; the compiled policies by default
 */
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
