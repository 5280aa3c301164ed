import type { Answer } from '@countersign/cedar';
import type { Decision, DecisionReason } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import { type Evaluator, evaluateCompiled } from './evaluator.ts';
import { findRemedies } from './find-remedies.ts';
import type { Question } from './question.ts';
import { wordsFor } from './words-for.ts';

/** The answer of the policies to a question. */
export interface Verdict
  extends Pick<
    Decision,
    'decision' | 'determining' | 'errors' | 'reasons' | 'obligations' | 'tokenLifetimeSeconds' | 'timeStamp'
  > {}

export const noPolicyPermits: DecisionReason = {
  code: 'no_policy_permits',
  detail: 'No policy permits this principal to do this.',
};
export const notEvaluable: DecisionReason = {
  code: 'not_evaluable',
  detail: 'The policies cannot decide about this principal or this intent.',
};

/**
 * Decides a question by a bundle. Pure: the same bundle and question always give the same verdict. Fails closed and does not throw
 * for an invalid question.
 */
export function judge(bundle: LoadedBundle, question: Question, evaluate: Evaluator = evaluateCompiled): Verdict {
  const answer = answerTo(bundle, question, evaluate);
  if ('code' in answer) return denied([answer]);
  const determining = answer.determining.length > 1 ? [...answer.determining].sort() : answer.determining;
  if (answer.decision === 'allow') {
    const tokenLifetimeSeconds = shortestLife(bundle, determining);
    const permit = { decision: true, determining, errors: answer.errors, reasons: none, obligations: none };
    const timeStamp = asksForTimeStamp(bundle, determining);
    if (tokenLifetimeSeconds === undefined && !timeStamp) return permit;
    return {
      ...permit,
      ...(tokenLifetimeSeconds === undefined ? {} : { tokenLifetimeSeconds }),
      ...(timeStamp ? { timeStamp } : {}),
    };
  }
  return {
    decision: false,
    determining,
    errors: answer.errors,
    reasons:
      determining.length === 0 ? [noPolicyPermits] : determining.map((id) => wordsFor(bundle.notes(id), question)),
    obligations: findRemedies(bundle, question, answer, evaluate),
  };
}

/** Whether {@link judge} would permit it. Skips reasons and remedies, which cost several times as much. */
export function permits(bundle: LoadedBundle, question: Question, evaluate: Evaluator = evaluateCompiled): boolean {
  const answer = answerTo(bundle, question, evaluate);
  return 'decision' in answer && answer.decision === 'allow';
}

const none: readonly never[] = Object.freeze([]);

/** The answer of the policies, or the reason why they cannot be asked. */
function answerTo(bundle: LoadedBundle, question: Question, evaluate: Evaluator): Answer | DecisionReason {
  try {
    return evaluate(bundle, question);
  } catch (error) {
    // The schema does not declare the action for such a resource, so no policy permits it. An unknown transaction ends here
    // as well, and so looks the same as a forbidden one.
    if (isCodedError(error, 'request_refused')) return noPolicyPermits;
    if (isCodedError(error)) return notEvaluable;
    throw error;
  }
}

/** A deny that no policy determined. */
export function denied(reasons: readonly DecisionReason[]): Verdict {
  return { decision: false, determining: [], errors: [], reasons, obligations: [] };
}

function asksForTimeStamp(bundle: LoadedBundle, determining: readonly string[]): boolean {
  for (const id of determining) if (bundle.notes(id).timeStamp) return true;
  return false;
}

function shortestLife(bundle: LoadedBundle, determining: readonly string[]): number | undefined {
  let shortest: number | undefined;
  for (const id of determining) {
    const { tokenLifetimeSeconds } = bundle.notes(id);
    if (tokenLifetimeSeconds !== undefined && (shortest === undefined || tokenLifetimeSeconds < shortest))
      shortest = tokenLifetimeSeconds;
  }
  return shortest;
}
