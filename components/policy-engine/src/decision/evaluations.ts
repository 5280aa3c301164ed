import type { EvaluationRequest, EvaluationsRequest, RecordedAnswer, RefusedEvaluation } from '@countersign/contracts';
import { policyErrors } from '@countersign/contracts';

type Outcome = RecordedAnswer | RefusedEvaluation;

/** How many of one batch are under way at once: enough to share a commit, too few to crowd out other callers. */
const atOnce = 32;

/**
 * Several evaluations (AuthZEN 1.0 section 7), in the order they came. `execute_all` decides all of them;
 * `deny_on_first_deny` and `permit_on_first_permit` decide one after the other, and what comes after the one that
 * settles it is neither decided nor recorded.
 *
 * One that cannot be decided about is refused in its place and counts as a deny (section 7.2.1). Whatever else goes
 * wrong (the log cannot be written) fails the whole.
 *
 * @param evaluate decides one, and records it
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

/** The first failure fails all; what is under way then still ends, and what has not begun does not begin. */
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
