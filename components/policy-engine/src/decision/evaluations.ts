import type { EvaluationRequest, EvaluationsRequest, RecordedAnswer, RefusedEvaluation } from '@countersign/contracts';
import { policyErrors } from '@countersign/contracts';

type Outcome = RecordedAnswer | RefusedEvaluation;

/** Concurrent evaluations of one batch: enough to share a commit, too few to crowd out other callers. */
const atOnce = 32;

/**
 * Several evaluations in their given order (AuthZEN 1.0 section 7). `execute_all` decides all; `deny_on_first_deny` and
 * `permit_on_first_permit` decide one after the other and stop at the first deny or permit, without deciding or recording the rest.
 *
 * An invalid evaluation is refused in its place and counts as a deny (section 7.2.1). Any other failure, such as an unavailable
 * log, fails the whole request.
 * @param evaluate decides one evaluation and records it
 */
export async function evaluateSeveral(
  { evaluations, semantic }: EvaluationsRequest,
  evaluate: (request: EvaluationRequest) => Promise<RecordedAnswer>,
): Promise<readonly Outcome[]> {
  const one = async (item: EvaluationRequest | RefusedEvaluation): Promise<Outcome> =>
    'refused' in item ? item : await evaluateOrRefuse(item, evaluate);
  if (semantic === 'execute_all') return allOf(evaluations, one);
  const settledBy = semantic === 'permit_on_first_permit';
  const outcomes: Outcome[] = [];
  for (const item of evaluations) {
    const outcome = await one(item);
    outcomes.push(outcome);
    if (outcome.decision === settledBy) break;
  }
  return outcomes;
}

async function evaluateOrRefuse(
  request: EvaluationRequest,
  evaluate: (request: EvaluationRequest) => Promise<RecordedAnswer>,
): Promise<Outcome> {
  try {
    return await evaluate(request);
  } catch (error) {
    if (!policyErrors.is(error, 'evaluation_invalid')) throw error;
    return { decision: false, refused: { code: error.code, detail: error.detail } };
  }
}

/** The first failure fails all: running work still ends, but no further work starts. */
async function allOf<Item, Result>(items: readonly Item[], work: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  const rest = items.entries();
  let failed = false;
  const worker = async () => {
    for (const [index, item] of rest) {
      if (failed) return;
      try {
        results[index] = await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
}
