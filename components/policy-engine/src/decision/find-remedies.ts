import type { Answer } from '@countersign/cedar';
import type { Obligation } from '@countersign/contracts';
import type { PolicyNotes, Remedy } from '../bundle/annotations.ts';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import { standingApprovalsOf, withRemedies } from '../trading/remedies.ts';
import type { Evaluator } from './evaluator.ts';
import type { Question } from './question.ts';

/** Remedies may uncover forbids that were satisfied by what they change; no further than this is looked. */
const maxRounds = 4;

interface Needed {
  readonly remedy: Remedy;
  readonly escalation: PolicyNotes['escalation'];
}

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
  const after = (needed: readonly Needed[]) => answerAfter(bundle, question, needed, evaluate);
  let needed: readonly Needed[] = [];
  let answer = deny;
  for (let round = 0; round < maxRounds; round++) {
    // What failed to evaluate has no remedy that could be relied on; what nobody permits, no approval permits.
    if (answer.determining.length === 0 || answer.errors.length > 0) return [];
    const named = remediesOf(bundle, answer.determining);
    if (named === undefined) return [];
    // What is tried is what is told: each role once, and one sign-in.
    needed = merged([...needed, ...named]);
    const next = after(needed);
    if (next === undefined) return [];
    answer = next;
    if (answer.decision === 'allow')
      return fewest(needed, (fewer) => after(fewer)?.decision === 'allow').flatMap((each) =>
        obligationOf(each, question),
      );
  }
  return [];
}

/** @returns undefined where one of the forbids names none */
function remediesOf(bundle: LoadedBundle, determining: readonly string[]): readonly Needed[] | undefined {
  const named: Needed[] = [];
  for (const id of determining) {
    const { remedies, escalation } = bundle.notes(id);
    if (remedies.length === 0) return undefined;
    for (const remedy of remedies) named.push({ remedy, escalation });
  }
  return named;
}

function answerAfter(
  bundle: LoadedBundle,
  question: Question,
  needed: readonly Needed[],
  evaluate: Evaluator,
): Answer | undefined {
  const remedied = withRemedies(
    question,
    needed.map(({ remedy }) => remedy),
  );
  if (remedied === undefined) return undefined;
  try {
    return evaluate(bundle, remedied);
  } catch {
    return undefined;
  }
}

/** Leaves out what the others make unnecessary: what is asked of other people first. */
function fewest(needed: readonly Needed[], isEnough: (fewer: readonly Needed[]) => boolean): readonly Needed[] {
  let kept = needed;
  for (const one of needed) {
    if (kept.length === 1) break;
    const fewer = kept.filter((each) => each !== one);
    if (isEnough(fewer)) kept = fewer;
  }
  return kept;
}

/** Approvals by role, of each the most that is asked for; then the sign-in that satisfies all that ask for one. */
function merged(needed: readonly Needed[]): readonly Needed[] {
  const approvals = new Map<string, Needed & { readonly remedy: Approval }>();
  let stepUp: (Needed & { readonly remedy: StepUp }) | undefined;
  for (const { remedy, escalation } of needed) {
    if (remedy.kind === 'step-up') {
      stepUp = { remedy: stronger(stepUp?.remedy, remedy), escalation };
      continue;
    }
    const earlier = approvals.get(remedy.role);
    if (earlier === undefined || remedy.count > earlier.remedy.count)
      approvals.set(remedy.role, { remedy, escalation });
  }
  const byRole = [...approvals].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
  return stepUp === undefined ? byRole : [...byRole, stepUp];
}

function obligationOf({ remedy, escalation }: Needed, question: Question): readonly Obligation[] {
  if (remedy.kind === 'step-up') return [{ ...remedy }];
  const missing = remedy.count - standingApprovalsOf(question, remedy.role);
  return missing > 0 ? [{ kind: 'approval', role: remedy.role, count: missing, escalation }] : [];
}

type Approval = Extract<Remedy, { kind: 'approval' }>;
type StepUp = Extract<Remedy, { kind: 'step-up' }>;

/** `phrh` is `phr` with the key in hardware; of two ages the younger. */
function stronger(first: StepUp | undefined, second: StepUp): StepUp {
  if (first === undefined) return second;
  const acr = first.acr === 'phrh' ? first.acr : second.acr;
  const ages = [first.maxAgeSeconds, second.maxAgeSeconds].filter((age) => age !== undefined);
  return { kind: 'step-up', acr, ...(ages.length === 0 ? {} : { maxAgeSeconds: Math.min(...ages) }) };
}
