import type { Answer } from '@countersign/cedar';
import type { Obligation } from '@countersign/contracts';
import type { PolicyNotes, Remedy } from '../bundle/annotations.ts';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { Evaluator } from './evaluator.ts';
import type { Question } from './question.ts';
import { canBeDone, standingApprovalsOf, withRemedies } from './remedies.ts';

/** Remedies may uncover forbids that were satisfied by what they change; no further than this is looked. */
const maxRounds = 4;
/** Of so many remedies every choice is tried; of more, which no policy has needed yet, of each role the most alone. */
const maxChosenFrom = 8;

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
    const named = remediesOf(bundle, question, answer.determining);
    if (named === undefined) return [];
    needed = distinct([...needed, ...named]);
    const next = after(needed);
    if (next === undefined) return [];
    answer = next;
    if (answer.decision === 'allow') {
      const chosen = fewest(needed, question, (fewer) => after(fewer)?.decision === 'allow');
      return chosen.flatMap(({ remedy }) => obligationOf(remedy, needed, question));
    }
  }
  return [];
}

/** @returns undefined where one of the forbids names none that anybody could do */
function remediesOf(
  bundle: LoadedBundle,
  question: Question,
  determining: readonly string[],
): readonly Needed[] | undefined {
  const named: Needed[] = [];
  for (const id of determining) {
    const { remedies, escalation } = bundle.notes(id);
    const possible = remedies.filter((remedy) => canBeDone(question, remedy));
    if (possible.length === 0) return undefined;
    for (const remedy of possible) named.push({ remedy, escalation });
  }
  return named;
}

function answerAfter(
  bundle: LoadedBundle,
  question: Question,
  needed: readonly Needed[],
  evaluate: Evaluator,
): Answer | undefined {
  const remedies = needed.map(({ remedy }) => remedy);
  try {
    return evaluate(bundle, withRemedies(question, remedies));
  } catch {
    return undefined;
  }
}

/**
 * Of all choices that are enough the one with the fewest missing approvals and sign-ins; of equal ones, what asks least of
 * other people. What is tried is what is told: each role once, and one sign-in.
 *
 * @param needed enough together
 */
function fewest(
  needed: readonly Needed[],
  question: Question,
  isEnough: (fewer: readonly Needed[]) => boolean,
): readonly Needed[] {
  const whole = merged(needed);
  const choices = choicesFrom(needed.length > maxChosenFrom ? whole : needed).map((choice) => {
    const remedies = merged(choice);
    const approvals = remedies.reduce((sum, { remedy }) => sum + missingOf(remedy, question), 0);
    return { remedies, approvals, things: approvals + remedies.filter(isStepUp).length };
  });
  choices.sort((one, other) => one.things - other.things || one.approvals - other.approvals);
  const chosen = choices.find(({ remedies }) => isEnough(remedies))?.remedies ?? whole;
  return chosen.reduce((remedies, _, place) => withFewer(remedies, place, question, isEnough), chosen);
}

/** Of several approvals in one role as few as are enough: those of others may have been counted with them already. */
function withFewer(
  remedies: readonly Needed[],
  place: number,
  question: Question,
  isEnough: (fewer: readonly Needed[]) => boolean,
): readonly Needed[] {
  const each = remedies[place];
  if (each?.remedy.kind !== 'approval' || missingOf(each.remedy, question) < 2) return remedies;
  const { remedy, escalation } = each;
  const fewer = remedies.with(place, { remedy: { ...remedy, count: remedy.count - 1 }, escalation });
  return isEnough(fewer) ? withFewer(fewer, place, question, isEnough) : remedies;
}

/** Every choice of some of them, but not of all. */
function choicesFrom(needed: readonly Needed[]): readonly (readonly Needed[])[] {
  return Array.from({ length: 2 ** needed.length - 2 }, (_, index) =>
    needed.filter((_, place) => ((index + 1) & (1 << place)) !== 0),
  );
}

/** Each approval by role and count once: the most that one forbid asks for may be more than another does. One sign-in. */
function distinct(needed: readonly Needed[]): readonly Needed[] {
  const approvals = new Map<string, Needed>();
  for (const each of needed) {
    const { remedy } = each;
    if (remedy.kind !== 'approval') continue;
    const key = `${remedy.role} ${remedy.count}`;
    const { escalation } = each;
    const known = approvals.get(key)?.escalation;
    approvals.set(key, { remedy, escalation: known === undefined ? escalation : joint(known, escalation) });
  }
  return [...approvals.values(), ...merged(needed.filter(isStepUp))];
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

/** @param needed by whichever forbid: who stands in for a role does so for all that ask for it, and not before all name them */
function obligationOf(remedy: Remedy, needed: readonly Needed[], question: Question): readonly Obligation[] {
  if (remedy.kind === 'step-up') return [{ ...remedy }];
  const { kind, role } = remedy;
  const count = missingOf(remedy, question);
  const paths = needed.filter((each) => each.remedy.kind === 'approval' && each.remedy.role === role);
  return count > 0 ? [{ kind, role, count, escalation: paths.map((each) => each.escalation).reduce(joint) }] : [];
}

function joint(one: Needed['escalation'], other: Needed['escalation']): Needed['escalation'] {
  return one.flatMap(({ role, afterSeconds }) => {
    const same = other.find((step) => step.role === role);
    return same === undefined ? [] : [{ role, afterSeconds: Math.max(afterSeconds, same.afterSeconds) }];
  });
}

/** Approvals that do not stand yet. */
function missingOf(remedy: Remedy, question: Question): number {
  return remedy.kind === 'step-up' ? 0 : Math.max(remedy.count - standingApprovalsOf(question, remedy.role), 0);
}

function isStepUp({ remedy }: Needed): boolean {
  return remedy.kind === 'step-up';
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
