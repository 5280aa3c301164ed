import type { Answer } from '@countersign/cedar';
import type { Decision, DecisionReason } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import { type Evaluator, evaluateCompiled } from './evaluator.ts';
import { findRemedies } from './find-remedies.ts';
import type { Question } from './question.ts';
import { wordsFor } from './words-for.ts';

/** What the policies say to a question. */
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
  detail: 'The principal or the intent is not one that the policies can decide about.',
};

/**
 * The decision of a bundle on a question: nothing but these two goes in, so the same two give the same verdict
 * wherever and whenever it is asked. Fails closed and does not throw for what is wrong with the question.
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

/** Whether {@link judge} would permit it, without a word about why not, which costs several times as much. */
export function permits(bundle: LoadedBundle, question: Question, evaluate: Evaluator = evaluateCompiled): boolean {
  const answer = answerTo(bundle, question, evaluate);
  return 'decision' in answer && answer.decision === 'allow';
}

const none: readonly never[] = Object.freeze([]);

/** What the policies answer, or why they cannot be asked. */
function answerTo(bundle: LoadedBundle, question: Question, evaluate: Evaluator): Answer | DecisionReason {
  try {
    return evaluate(bundle, question);
  } catch (error) {
    // An action that is not declared for such a resource: what nobody has spoken of, nobody has permitted. An
    // unknown transaction ends here as well, and so looks like one that is known and forbidden.
    if (isCodedError(error, 'request_refused')) return noPolicyPermits;
    if (isCodedError(error)) return notEvaluable;
    throw error;
  }
}

/** A deny without a policy behind it. */
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
