import type { PolicySchema } from '@countersign/cedar';
import type { LoadedBundle } from './load-bundle.ts';
import { type LocatedProblem, placeOf } from './located.ts';
import { conjunctsOf, contradictionIn, type Literal, type Place, readsAuthority, truthIn } from './policy-logic.ts';

type FindingCode =
  /** It decides nothing that another policy of the same effect does not decide. */
  | 'policy_shadowed'
  /** Nothing can ever meet its conditions. */
  | 'policy_unreachable'
  /** One of the actions that it names never meets its types. */
  | 'action_never_meets'
  /** It permits whoever asks, whatever their institution, role, mandate and scopes. */
  | 'permit_without_authority'
  /** It is annotated as an exception that it is not. */
  | 'exception_not_needed';

/** What reading the policies alone finds, without a question. */
export interface PolicyFinding extends LocatedProblem {
  readonly code: FindingCode;
  /** Errors are never meant; a warning may be. */
  readonly severity: 'error' | 'warning';
  readonly policyId: string;
}

type Policy = LoadedBundle['parsed']['policies'][number];

interface Read {
  readonly policy: Policy;
  readonly places: readonly Place[];
  readonly keys: ReadonlySet<string>;
  readonly literals: readonly Literal[];
}

/**
 * Looks for policies that can never apply, that another one makes superfluous, and permits that rest on nobody's authority.
 * Conditions are compared as they are written: what it finds is so, and there may be more.
 */
export function analysePolicies({ parsed, bundle }: LoadedBundle): readonly PolicyFinding[] {
  const findings: PolicyFinding[] = [];
  const note = (policy: Policy, code: FindingCode, severity: PolicyFinding['severity'], message: string): void =>
    void findings.push({ ...placeOf(policy.text, bundle), policyId: policy.id, code, severity, message });
  const read: Read[] = [];
  for (const policy of parsed.policies) {
    const literals = conjunctsOf(policy.json);
    const declared = placesOf(policy, parsed.schema);
    const places = declared.filter((place) => literals.every((literal) => truthIn(literal, place) !== false));
    const contradiction = contradictionIn(literals);
    if (declared.length === 0)
      note(
        policy,
        'policy_unreachable',
        'error',
        'The schema declares no action for these types: correct its scope, or remove it.',
      );
    else if (contradiction !== undefined)
      note(
        policy,
        'policy_unreachable',
        'error',
        `Its conditions can never all hold (${contradiction}): correct one of them, or remove it.`,
      );
    else if (places.length === 0)
      note(
        policy,
        'policy_unreachable',
        'error',
        'Its conditions ask for types or actions that its scope leaves out: correct one of them, or remove it.',
      );
    else {
      for (const action of namedActions(policy))
        if (!declared.some((place) => isIn(place.action, action, parsed.schema)))
          note(
            policy,
            'action_never_meets',
            'warning',
            `The action ${action} is never asked for these types: leave it out.`,
          );
      read.push({ policy, places, literals, keys: new Set(literals.map(keyOf)) });
    }
    const exception = policy.annotations['unconditional'] !== undefined;
    if (policy.effect === 'permit' && exception === restsOnAuthority(policy, literals))
      if (exception)
        note(policy, 'exception_not_needed', 'warning', 'It rests on somebody’s authority: remove @unconditional.');
      else
        note(
          policy,
          'permit_without_authority',
          'error',
          'It permits whoever asks: make it depend on the principal, the mandate or the scopes, or say with @unconditional("why") that this is meant.',
        );
  }
  for (const [index, one] of read.entries()) {
    const other = read.find(
      (each, place) => place !== index && shadows(each, one) && (place < index || !shadows(one, each)),
    );
    const excepted = one.policy.annotations['shadowed'] !== undefined;
    if (other !== undefined && !excepted)
      note(
        one.policy,
        'policy_shadowed',
        'warning',
        `${other.policy.id} decides the same wherever this one applies: remove one of them, make their conditions differ, or say with @shadowed("why") that this is meant.`,
      );
    if (other === undefined && excepted)
      note(one.policy, 'exception_not_needed', 'warning', 'No other policy decides the same: remove @shadowed.');
  }
  return findings;
}

/** Whether wherever `one` applies `other` applies as well, to the same effect. */
function shadows(other: Read, one: Read): boolean {
  if (other.policy.effect !== one.policy.effect) return false;
  // What it says of tokens and steps that it permits is an effect of its own.
  if (['token_lifetime_seconds', 'time_stamp'].some((name) => one.policy.annotations[name] !== undefined)) return false;
  // A forbid that names its own remedy is a trigger of its own.
  if (one.policy.annotations['remedy'] !== other.policy.annotations['remedy']) return false;
  const { json } = one.policy;
  if (
    !sameEntity(json.principal, other.policy.json.principal) ||
    !sameEntity(json.resource, other.policy.json.resource)
  )
    return false;
  return (
    one.places.every((place) => other.places.some((each) => isSame(each, place))) &&
    other.literals.every((literal) => implied(literal, one.keys))
  );
}

/** Whether a conjunction implies it: it is one of it or, of alternatives, one of these is. */
function implied(literal: Literal, keys: ReadonlySet<string>): boolean {
  if (keys.has(keyOf(literal))) return true;
  return literal.anyOf?.some((all) => all.every((each) => implied(each, keys))) === true;
}

function keyOf({ holds, text }: Pick<Literal, 'holds' | 'text'>): string {
  return `${holds ? '' : '!'}${text}`;
}

const isSame = (one: Place, other: Place) =>
  one.action === other.action && one.principal === other.principal && one.resource === other.resource;

type Constraint = Policy['json']['principal'];
/** A single entity in the scope; types are in the places. */
function sameEntity(one: Constraint, other: Constraint): boolean {
  const named = entityNamed(other);
  return named === undefined || named === entityNamed(one);
}
function entityNamed(constraint: Constraint): string | undefined {
  if ('entity' in constraint) return JSON.stringify([constraint.op, constraint.entity]);
  return 'in' in constraint && constraint.in !== undefined ? JSON.stringify(['in', constraint.in]) : undefined;
}

function restsOnAuthority({ json: { principal } }: Policy, literals: readonly Literal[]): boolean {
  return entityNamed(principal) !== undefined || literals.some(({ expression }) => readsAuthority(expression));
}

function placesOf(policy: Policy, schema: PolicySchema): readonly Place[] {
  const { principal, resource } = policy.json;
  const named = namedActions(policy);
  return [...schema.applications].flatMap(([{ id: action }, { principalTypes, resourceTypes }]) =>
    named.length > 0 && !named.some((each) => isIn(action, each, schema))
      ? []
      : [...principalTypes]
          .filter((type) => meets(principal, type))
          .flatMap((principalType) =>
            [...resourceTypes]
              .filter((type) => meets(resource, type))
              .map((resourceType) => ({ action, principal: principalType, resource: resourceType })),
          ),
  );
}

function meets(constraint: Constraint, type: string): boolean {
  if (constraint.op === 'is') return constraint.entity_type === type;
  if (constraint.op === '==' && 'entity' in constraint && 'type' in constraint.entity)
    return constraint.entity.type === type;
  return true;
}

/** None where it names none: then it is about all. */
function namedActions({ json: { action } }: Policy): readonly string[] {
  const idOf = (entity: object): string => ('id' in entity ? String(entity.id) : '');
  if ('entity' in action) return [idOf(action.entity)];
  return 'entities' in action ? action.entities.map(idOf) : [];
}

function isIn(action: string, group: string, { actions, actionType }: PolicySchema): boolean {
  if (action === group) return true;
  const ancestors = actions.find({ type: actionType, id: action })?.ancestors.references ?? [];
  return ancestors.some(({ id }) => id === group);
}
