import type { Answer } from '@countersign/cedar';
import type { Obligation } from '@countersign/contracts';
import type { Remedy } from '../bundle/annotations.ts';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import { standingApprovalsOf, withRemedies } from '../trading/remedies.ts';
import type { Evaluator } from './evaluator.ts';
import type { Question } from './question.ts';

/** Remedies may uncover forbids that were satisfied by what they change; no further than this is looked. */
const maxRounds = 4;

/**
 * The fewest things that together would make a deny an allow, found by doing them to the question and asking again.
 * Every forbid that fired must name its remedy; where one does not, or no permit is left, nothing would help.
 */
export function findRemedies(
  bundle: LoadedBundle,
  question: Question,
  deny: Answer,
  evaluate: Evaluator,
): readonly Obligation[] {
  const needed: { readonly remedy: Remedy; readonly escalation: readonly { role: string; afterSeconds: number }[] }[] =
    [];
  let answer = deny;
  for (let round = 0; round < maxRounds; round++) {
    // What failed to evaluate has no remedy that could be relied on; what nobody permits, no approval permits.
    if (answer.determining.length === 0 || answer.errors.length > 0) return [];
    for (const id of answer.determining) {
      const { remedies, escalation } = bundle.notes(id);
      if (remedies.length === 0) return [];
      for (const remedy of remedies) needed.push({ remedy, escalation });
    }
    const remedied = withRemedies(
      question,
      needed.map(({ remedy }) => remedy),
    );
    if (remedied === undefined) return [];
    try {
      answer = evaluate(bundle, remedied);
    } catch {
      return [];
    }
    if (answer.decision === 'allow') return obligationsOf(needed, question);
  }
  return [];
}

function obligationsOf(
  needed: readonly {
    readonly remedy: Remedy;
    readonly escalation: readonly { role: string; afterSeconds: number }[];
  }[],
  question: Question,
): readonly Obligation[] {
  const approvals = new Map<string, { count: number; escalation: readonly { role: string; afterSeconds: number }[] }>();
  let stepUp: Extract<Remedy, { kind: 'step-up' }> | undefined;
  for (const { remedy, escalation } of needed) {
    if (remedy.kind === 'step-up') {
      stepUp = stronger(stepUp, remedy);
      continue;
    }
    const earlier = approvals.get(remedy.role);
    if (earlier === undefined || remedy.count > earlier.count)
      approvals.set(remedy.role, { count: remedy.count, escalation });
  }
  const obligations: Obligation[] = [];
  for (const [role, { count, escalation }] of [...approvals].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const missing = count - standingApprovalsOf(question, role);
    if (missing > 0) obligations.push({ kind: 'approval', role, count: missing, escalation });
  }
  if (stepUp !== undefined) obligations.push({ ...stepUp });
  return obligations;
}

type StepUp = Extract<Remedy, { kind: 'step-up' }>;

/** `phrh` is `phr` with the key in hardware; of two ages the younger. */
function stronger(first: StepUp | undefined, second: StepUp): StepUp {
  if (first === undefined) return second;
  const acr = first.acr === 'phrh' ? first.acr : second.acr;
  const ages = [first.maxAgeSeconds, second.maxAgeSeconds].filter((age) => age !== undefined);
  return { kind: 'step-up', acr, ...(ages.length === 0 ? {} : { maxAgeSeconds: Math.min(...ages) }) };
}
