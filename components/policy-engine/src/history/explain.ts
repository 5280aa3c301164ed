import { type ConditionExplanation, explain as explainPolicies, type PolicyExplanation } from '@countersign/cedar';
import { type DecisionExplanation, policyErrors } from '@countersign/contracts';
import { isCodedError, type Json } from '@countersign/kernel';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import { readingsIn } from '../decision/limit-finding.ts';
import type { Question } from '../decision/question.ts';
import { type RecallSources, recall } from './recall.ts';
import type { DecisionRecord } from './recorded.ts';

/** Number of permits shown for a deny without a permit: those with the fewest unmet conditions. */
const nearest = 3;

/**
 * Explains a recorded decision: the matching policies, the readable entities, the readings of limits, and for a deny the deciding
 * conditions with their facts.
 * @throws CodedError `policy_not_loaded` if an input is missing
 */
export async function explain(record: DecisionRecord, from: RecallSources): Promise<DecisionExplanation> {
  const recalled = await recall(record, from);
  if ('missing' in recalled)
    throw policyErrors.error(
      'policy_not_loaded',
      'Inputs of the decision are no longer stored, so it cannot be explained.',
      { facts: { missing: recalled.missing } },
    );
  const { bundle, question, input, entities } = recalled;
  const spoke = question === undefined ? [] : policiesOn(bundle, question);
  const { decision: recorded } = record;
  return {
    recorded,
    policies: bundle.parsed.policies
      .filter(({ id }) => recorded.determining.includes(id) || spoke.some(({ policyId }) => policyId === id))
      .map(({ id, effect, text }) => ({ id, effect, text, determining: recorded.determining.includes(id) })),
    // Entities in the JSON form of Cedar.
    entities: [...input.local, ...entities] as unknown as readonly Json[],
    limits: input.limits === undefined ? [] : readingsIn(input.limits),
    unmet: recorded.decision ? [] : unmetOf(spoke),
  };
}

function policiesOn({ parsed }: LoadedBundle, question: Question): readonly PolicyExplanation[] {
  try {
    return explainPolicies(parsed, {
      principal: question.principal,
      action: { type: parsed.schema.actionType, id: question.action },
      resource: question.resource,
      context: question.context,
      entities: question.shared.with(question.local),
    });
  } catch (error) {
    // The question was invalid for these policies already when it was decided.
    if (isCodedError(error)) return [];
    throw error;
  }
}

function unmetOf(spoke: readonly PolicyExplanation[]): DecisionExplanation['unmet'] {
  const fired = spoke.filter(({ effect, outcome }) => effect === 'forbid' && outcome !== 'unsatisfied');
  const permitted = spoke.some(({ effect, outcome }) => effect === 'permit' && outcome === 'satisfied');
  const near = permitted
    ? []
    : spoke
        .filter(({ effect }) => effect === 'permit')
        .sort((a, b) => unmetIn(a).length - unmetIn(b).length)
        .slice(0, nearest);
  return [
    ...fired.map((policy) => shown(policy, policy.conditions)),
    ...near.map((policy) => shown(policy, unmetIn(policy))),
  ];
}

function unmetIn({ conditions }: PolicyExplanation): readonly ConditionExplanation[] {
  return conditions.filter(({ met }) => !met);
}

function shown(
  { policyId, effect }: PolicyExplanation,
  conditions: readonly ConditionExplanation[],
): DecisionExplanation['unmet'][number] {
  return { policyId, effect, conditions: conditions.map(shownCondition) };
}

/** Shows an `unless` as its negation. */
function shownCondition({
  kind,
  text,
  outcome,
  message,
  values,
}: ConditionExplanation): DecisionExplanation['unmet'][number]['conditions'][number] {
  const found = values.map(({ text: looked, value }) => `${looked}: ${value ?? 'not there'}`);
  if (message !== undefined) found.push(message);
  if (kind === 'when' || outcome === 'error') return { text: kind === 'when' ? text : `!(${text})`, outcome, found };
  return { text: `!(${text})`, outcome: outcome === 'true' ? 'false' : 'true', found };
}
