import { type Answer, compile, createReference, decideFailClosed, type ParsedPolicySet } from '@countersign/cedar';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { Evaluator } from '../decision/evaluator.ts';
import type { Question } from '../decision/question.ts';

/**
 * Puts questions to Cedar's reference engine under the rules of `decideFailClosed`: a forbid that errors denies, and a
 * request that the schema does not foresee is refused.
 *
 * @throws CodedError (the function returned) `request_refused`; `reference_failed` when the engine does not answer
 */
export function createReferenceJudge(parsed: ParsedPolicySet): (question: Question) => Answer {
  const reference = createReference(parsed);
  const forbids = new Set(parsed.policies.filter(({ effect }) => effect === 'forbid').map(({ id }) => id));
  // No policies, all declarations: refuses what the schema does not foresee, and says nothing about anything else.
  const declarations = compile({ ...parsed, policies: [] });
  return (question) => {
    const request = {
      principal: question.principal,
      action: { type: parsed.schema.actionType, id: question.action },
      resource: question.resource,
      context: question.context,
      entities: question.shared.with(question.local),
    };
    decideFailClosed(declarations, request);
    const { decision, determining, errors } = reference.evaluate(request);
    const failing = errors.filter(({ policyId }) => forbids.has(policyId)).map(({ policyId }) => policyId);
    if (failing.length === 0) return { decision, determining, errors };
    // What permitted determines nothing any more; what forbade beside the failing still does.
    return { decision: 'deny', determining: [...(decision === 'deny' ? determining : []), ...failing], errors };
  };
}

const judges = new WeakMap<LoadedBundle, (question: Question) => Answer>();

/** The reference engine in the place of the compiled policies: the same answers, some hundred times slower. */
export const evaluateByReference: Evaluator = (bundle, question) => {
  let judge = judges.get(bundle);
  if (judge === undefined) {
    judge = createReferenceJudge(bundle.parsed);
    judges.set(bundle, judge);
  }
  return judge(question);
};
