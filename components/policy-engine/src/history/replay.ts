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
 * Makes a recorded decision again, by the version it was made by and from the entities of that day, and compares. When
 * an input is missing nothing is compared: half of a question has another answer.
 */
export async function replay(record: DecisionRecord, from: RecallSources): Promise<ReplayReport> {
  const { id, decision: recorded } = record;
  const recalled = await recall(record, from);
  if ('missing' in recalled) return { record: id, recorded, outcome: 'missing', missing: recalled.missing };
  const { bundle, input, question } = recalled;
  let judged = differencesBetween(recorded, judgeAgain(bundle, input, question));
  // Cedar's engine decides in the place of policies that were compiled wrongly: what it decided, it decides again.
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
 * What a bundle says to a recorded question, held to the limits as they were found then.
 *
 * @param question undefined where there was none that the policies could be asked
 * @param evaluate by what engine; the compiled policies when left out
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

/** A question that breaks the policies was denied when it was asked first, and is again. */
function verdictOn(bundle: LoadedBundle, question: Question, evaluate?: Evaluator): Verdict {
  try {
    return judge(bundle, question, evaluate);
  } catch {
    return denied([notEvaluable]);
  }
}
