import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { Evaluator } from '../decision/evaluator.ts';
import { denied, judge, notEvaluable, type Verdict } from '../decision/judge.ts';
import { heldToLimits } from '../decision/limit-finding.ts';
import type { Question } from '../decision/question.ts';
import type { RecordedInput } from './recorded-question.ts';

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
