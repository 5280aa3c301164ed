import type { PolicySchema } from '@countersign/cedar';
import type { LoadedBundle } from './load-bundle.ts';
import { type LocatedProblem, placeOf } from './located.ts';
import { conjunctsOf, contradictionIn, type Literal, type Place, readsAuthority, truthIn } from './policy-logic.ts';

type FindingCode =
  | 'policy_shadowed'
  | 'policy_unreachable'
  | 'action_never_meets'
  | 'permit_without_authority'
  | 'exception_not_needed';

export interface PolicyFinding extends LocatedProblem {
  readonly code: FindingCode;
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
 * Finds policies that can never apply, policies that another one makes redundant, and permits without any condition on authority.
 * Conditions are compared as written, so every finding is correct but some problems stay unnoticed.
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
    const unreachable =
      declared.length === 0
        ? 'The schema declares no action for these types. Correct its scope, or remove it.'
        : contradiction !== undefined
          ? `Its conditions can never all hold (${contradiction}). Correct one of them, or remove it.`
          : places.length === 0
            ? 'Its conditions require types or actions outside its scope. Correct one of them, or remove it.'
            : undefined;
    if (unreachable !== undefined) note(policy, 'policy_unreachable', 'error', unreachable);
    else {
      for (const action of namedActions(policy))
        if (!declared.some((place) => isIn(place.action, action, parsed.schema)))
          note(
            policy,
            'action_never_meets',
            'warning',
            `The action ${action} never applies to these types. Remove it.`,
          );
      read.push({ policy, places, literals, keys: new Set(literals.map(keyOf)) });
    }
    const exception = policy.annotations['unconditional'] !== undefined;
    if (policy.effect === 'permit' && exception === restsOnAuthority(policy, literals))
      if (exception)
        note(policy, 'exception_not_needed', 'warning', 'It depends on authority already. Remove @unconditional.');
      else
        note(
          policy,
          'permit_without_authority',
          'error',
          'It permits every principal. Make it depend on the principal, the mandate or the scopes, or add @unconditional("why") if this is intended.',
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
        `${other.policy.id} decides the same wherever this one applies. Remove one of them, change a condition, or add @shadowed("why") if this is intended.`,
      );
    if (other === undefined && excepted)
      note(one.policy, 'exception_not_needed', 'warning', 'No other policy decides the same. Remove @shadowed.');
  }
  return findings;
}

/** Whether `other` applies with the same effect wherever `one` applies. */
function shadows(other: Read, one: Read): boolean {
  if (other.policy.effect !== one.policy.effect) return false;
  // A token lifetime or a time stamp is an additional effect.
  if (['token_lifetime_seconds', 'time_stamp'].some((name) => one.policy.annotations[name] !== undefined)) return false;
  // Forbids with different remedies are different triggers.
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

/** Whether a conjunction implies the literal or one of its alternatives. */
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
/** Compares a single entity in the scope; `places` cover types. */
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

/** The actions in the scope; empty if it applies to all. */
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
