import { type Answer, compile, createReference, decideFailClosed, type ParsedPolicySet } from '@countersign/cedar';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { Evaluator } from '../decision/find-remedies.ts';
import type { Question } from '../decision/question.ts';
import { memoised } from '../memoised.ts';

/**
 * Evaluates questions by Cedar's reference engine under the rules of `decideFailClosed`: a forbid with an error denies, and a
 * request outside the schema is refused.
 * @throws CodedError (the returned function) `request_refused`; `reference_failed` if the engine does not answer
 */
export function createReferenceJudge(parsed: ParsedPolicySet): (question: Question) => Answer {
  const reference = createReference(parsed);
  const forbids = new Set(parsed.policies.filter(({ effect }) => effect === 'forbid').map(({ id }) => id));
  // A set without policies, used only to refuse requests outside the schema.
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
    // The failing forbids now determine the deny, together with forbids that fired.
    return { decision: 'deny', determining: [...(decision === 'deny' ? determining : []), ...failing], errors };
  };
}

const judgeOf = memoised(({ parsed }: LoadedBundle) => createReferenceJudge(parsed));

/** The reference engine instead of the compiled policies: the same answers, about a hundred times slower. */
export const evaluateByReference: Evaluator = (bundle, question) => judgeOf(bundle)(question);
