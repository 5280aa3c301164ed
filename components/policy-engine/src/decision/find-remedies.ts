import type { Answer } from '@countersign/cedar';
import type { Obligation } from '@countersign/contracts';
import { type Json, membersOf } from '@countersign/kernel';
import type { PolicyNotes, Remedy } from '../bundle/annotations.ts';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { Question } from './question.ts';

export type Evaluator = (bundle: LoadedBundle, question: Question) => Answer;

/** A remedy may trigger further forbids, which need remedies in turn; the search stops after this many rounds. */
const maxRounds = 4;
/** Up to this many remedies all combinations are tried; beyond it, only the largest remedy of each role. */
const maxChosenFrom = 8;

interface Needed {
  readonly remedy: Remedy;
  readonly escalation: PolicyNotes['escalation'];
}

/**
 * The smallest set of remedies that turns a deny into an allow, found by applying remedies to the question and evaluating again.
 * Empty if a forbid that fired has no remedy, or if no permit remains.
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
    // No remedy is reliable after an evaluation error, and none helps without a permit.
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

/** @returns undefined if one of the forbids has no remedy that is possible */
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
 * The sufficient choice with the fewest missing approvals and sign-ins; among equal ones, the fewest approvals. Each role occurs
 * once, and at most one sign-in.
 * @param needed remedies that are sufficient together
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

/** Reduces the number of approvals in one role while it is sufficient, because approvals in other roles may count as well. */
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

function choicesFrom(needed: readonly Needed[]): readonly (readonly Needed[])[] {
  return Array.from({ length: 2 ** needed.length - 2 }, (_, index) =>
    needed.filter((_, place) => ((index + 1) & (1 << place)) !== 0),
  );
}

/** Each combination of role and count once, because forbids may require different counts; and one sign-in. */
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

/** The largest approval for each role, then the one sign-in that satisfies all forbids. */
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

/** @param needed by all forbids: a role replaces another only if every forbid permits it, after the longest of their waiting times */
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

function missingOf(remedy: Remedy, question: Question): number {
  return remedy.kind === 'step-up' ? 0 : Math.max(remedy.count - standingApprovalsOf(question, remedy.role), 0);
}

function isStepUp({ remedy }: Needed): boolean {
  return remedy.kind === 'step-up';
}

type Approval = Extract<Remedy, { kind: 'approval' }>;
type StepUp = Extract<Remedy, { kind: 'step-up' }>;

/** The stronger class (`phrh` before `phr`) and the smaller maximum age. */
function stronger(first: StepUp | undefined, second: StepUp): StepUp {
  if (first === undefined) return second;
  const acr = first.acr === 'phrh' ? first.acr : second.acr;
  const ages = [first.maxAgeSeconds, second.maxAgeSeconds].filter((age) => age !== undefined);
  return { kind: 'step-up', acr, ...(ages.length === 0 ? {} : { maxAgeSeconds: Math.min(...ages) }) };
}

/** Attribute of the resource with the number of valid approvals by role; roles as in Cedar, `head_of_trading`. */
const approvalsAttribute = 'approvals';
/** Attribute of the resource with the initiator's sign-in for its token. */
const permittedAttribute = 'permitted';

/** Only people can sign in, and the registry accepts approvals only in some states. */
function canBeDone(question: Question, remedy: Remedy): boolean {
  if (remedy.kind === 'step-up') return question.principal.type === 'Person';
  return takesApprovals(question) && typeof approvalsOf(question)?.[attributeOf(remedy.role)] === 'number';
}

/**
 * The question after the remedies: with the required approvals, or a fresh sign-in of the required class.
 * @param remedies that {@link canBeDone}
 */
function withRemedies(question: Question, remedies: readonly Remedy[]): Question {
  // Copies members one by one to leave out `values`, which no longer match.
  const { principal, action, resource, shared } = question;
  let { context, local } = question;
  for (const remedy of remedies) {
    if (remedy.kind === 'step-up') {
      // A step-up is a fresh sign-in, even if the age was unknown before.
      context = { ...context, acr: remedy.acr, authAgeSeconds: 0 };
      // A step-up for this intent is bound to this intent.
      if (context['boundToIntent'] !== undefined) context = { ...context, boundToIntent: true };
      // The person then asks for a new token with that sign-in.
      if (attributesOf({ resource, local })?.[permittedAttribute] !== undefined)
        local = withAttribute({ resource, local }, permittedAttribute, { acr: remedy.acr, authAgeSeconds: 0 });
      continue;
    }
    const approvals = approvalsOf({ resource, local });
    const standing = standingApprovalsOf({ resource, local }, remedy.role);
    const counted = { ...approvals, [attributeOf(remedy.role)]: Math.max(standing, remedy.count) };
    local = withAttribute({ resource, local }, approvalsAttribute, counted);
  }
  return { principal, action, resource, shared, context, local };
}

export function standingApprovalsOf(question: About, role: string): number {
  const standing = approvalsOf(question)?.[attributeOf(role)];
  return typeof standing === 'number' ? standing : 0;
}

function attributeOf(role: string): string {
  return role.replaceAll('-', '_');
}

function attributesOf({ local, resource }: About): Readonly<Record<string, unknown>> | undefined {
  return local.find(({ uid }) => isResource(resource, uid))?.attrs;
}

function withAttribute({ local, resource }: About, name: string, value: Json): Question['local'] {
  return local.map((entity) =>
    isResource(resource, entity.uid) ? { ...entity, attrs: { ...entity.attrs, [name]: value } } : entity,
  );
}

function takesApprovals(about: About): boolean {
  const { state, intentType } = attributesOf(about) ?? {};
  if (state === undefined) return true;
  return typeof state === 'string' && typeof intentType === 'string' && takesApprovalsIn(intentType, state);
}

/** Attributes are JSON. */
const approvalsOf = (about: About) => membersOf(attributesOf(about)?.[approvalsAttribute] as Json | undefined);

type About = Pick<Question, 'local' | 'resource'>;

function isResource(resource: Question['resource'], { type, id }: Question['resource']): boolean {
  return type === resource.type && id === resource.id;
}

/**
 * The states in which each kind of intent accepts approvals: those whose next step is decided by policies or needs approvals of
 * its own. `tests/src/approval-states.test.ts` compares them with the life cycles of the transaction registry.
 */
const statesOf: Readonly<Record<string, readonly string[]>> = {
  'urn:countersign:rar:v1:trade_order': ['intended', 'executed', 'cleared'],
  'urn:countersign:rar:v1:rfq': ['intended', 'quoted'],
  'urn:countersign:rar:v1:allocation': ['intended'],
  'urn:countersign:rar:v1:clearing_submission': ['intended'],
  'urn:countersign:rar:v1:settlement_instruction': ['intended', 'affirmed'],
  'urn:countersign:rar:v1:collateral_transfer': ['pledged', 'approved'],
  'urn:countersign:rar:v1:withdrawal': ['intended', 'requested'],
  'urn:countersign:rar:v1:address_book_change': ['intended', 'proposed'],
  'urn:countersign:rar:v1:regulatory_report': ['intended'],
  'urn:countersign:rar:v1:privileged_admin': ['intended'],
};

/** @param intentType URN of the authorization-detail type */
export function takesApprovalsIn(intentType: string, state: string): boolean {
  return statesOf[intentType]?.includes(state) === true;
}
