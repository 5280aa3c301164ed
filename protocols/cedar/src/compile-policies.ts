import { compileExpression } from './compile-expression.ts';
import type { EntitySnapshot } from './entity-snapshot.ts';
import { cedarErrors, type PolicyProblem } from './errors.ts';
import type { Code } from './frame.ts';
import { arrayIn, membersOf, UnsupportedConstruct } from './json-policy.ts';
import { both } from './logic-operators.ts';
import type { ParsedPolicySet } from './parse-policy-set.ts';
import type { ActionApplication, PolicySchema } from './policy-schema.ts';
import { referenceOf } from './request.ts';
import { type ActionScope, compileScope, readActionScope, type ScopeTest } from './scope.ts';
import { type Entity, type EntityReference, type EntityUid, isSameEntity } from './value.ts';

export interface CompiledPolicy {
  readonly id: string;
  /** The id as a list, because one policy makes nearly every decision. */
  readonly alone: readonly string[];
  readonly effect: 'permit' | 'forbid';
  /** Principal and resource scope; the action scope is in the index. Undefined if there is nothing to test. */
  readonly scope: ScopeTest | undefined;
  /** All conditions combined; undefined if there are none. */
  readonly condition: Code | undefined;
  readonly actionScope: ActionScope;
}

export interface IdentifiedPolicy {
  readonly id: string;
  readonly json: unknown;
}

type SchemaOfActions = Pick<PolicySchema, 'actions' | 'applications'>;

/**
 * Policies as closures, indexed by action: a request is evaluated only against policies whose action scope can match.
 * Immutable; shared by any number of evaluations.
 */
export class CompiledPolicySet {
  readonly policyIds: readonly string[];
  readonly actions: EntitySnapshot;
  readonly #byAction = new Map<string, Map<string, MetAction>>();
  readonly #forEveryAction: readonly CompiledPolicy[];

  constructor(policies: readonly CompiledPolicy[], { actions, applications }: SchemaOfActions) {
    this.policyIds = policies.map((policy) => policy.id);
    this.actions = actions;
    this.#forEveryAction = policies.filter((policy) => policy.actionScope.kind === 'every');
    // An action outside the schema has no groups, so only policies that name it or name no action can match.
    const named = policies.flatMap(({ actionScope }) => namedActions(actionScope));
    for (const reference of [...applications.keys(), ...named]) {
      const ofType = this.#byAction.get(reference.type) ?? new Map<string, MetAction>();
      this.#byAction.set(reference.type, ofType);
      if (ofType.has(reference.id)) continue;
      const entity = actions.find(reference);
      ofType.set(reference.id, {
        reference,
        entity,
        application: applications.get(reference),
        policies: policies.filter((policy) => appliesTo(policy.actionScope, reference, entity)),
      });
    }
  }

  /** @throws CodedError `request_refused` if it is not the uid of an action */
  meet(action: EntityUid): MetAction {
    // The type is unvalidated. A value that is not text is not found and then refused.
    const known = this.#byAction.get(action?.type)?.get(action.id);
    if (known !== undefined) return known;
    const reference = referenceOf('action', action);
    return { reference, entity: undefined, application: undefined, policies: this.#forEveryAction };
  }
}

/** An action, and the policies whose action scope can match it, in the order of the text. */
export interface MetAction {
  readonly reference: EntityReference;
  readonly entity: Entity | undefined;
  /** The types for which the schema declares the action; undefined if it does not declare it. */
  readonly application: ActionApplication | undefined;
  readonly policies: readonly CompiledPolicy[];
}

/**
 * Compiles a parsed policy set to closures without code generation or `eval`.
 * @throws CodedError `policy_unsupported` if the compiler does not support a construct exactly; lists all such constructs
 */
export function compile(parsed: ParsedPolicySet): CompiledPolicySet {
  return compilePolicies(parsed.policies, parsed.schema);
}

/** {@link compile} for JSON policies from any source, validated or not. */
export function compilePolicies(policies: readonly IdentifiedPolicy[], schema: SchemaOfActions): CompiledPolicySet {
  const steps = compileStepwise({ policies, schema });
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}

/**
 * {@link compile}, one policy at a time, so that the caller can do other work in between.
 * @throws CodedError (the generator) as {@link compile}
 */
export function* compileStepwise({
  policies,
  schema,
}: {
  readonly policies: readonly IdentifiedPolicy[];
  readonly schema: SchemaOfActions;
}): Generator<void, CompiledPolicySet> {
  const compiled: CompiledPolicy[] = [];
  const problems: PolicyProblem[] = [];
  for (const policy of policies) {
    try {
      compiled.push(compilePolicy(policy));
    } catch (error) {
      if (!(error instanceof UnsupportedConstruct)) throw error;
      problems.push({ source: 'policies', policyId: policy.id, message: `unsupported: ${error.message}` });
    }
    yield;
  }
  if (problems.length > 0) {
    throw cedarErrors.error(
      'policy_unsupported',
      `${problems.length} of the policies cannot be compiled; the first is ${problems[0]?.policyId}, ${problems[0]?.message}.`,
      { facts: { problems } },
    );
  }
  return new CompiledPolicySet(compiled, schema);
}

function compilePolicy({ id, json }: IdentifiedPolicy): CompiledPolicy {
  const policy = membersOf(
    json,
    'the policy',
    ['effect', 'principal', 'action', 'resource', 'conditions'],
    ['annotations'],
  );
  const { effect } = policy;
  if (effect !== 'permit' && effect !== 'forbid') throw new UnsupportedConstruct('the effect');
  const principal = compileScope('principal', policy.principal);
  const resource = compileScope('resource', policy.resource);
  const conditions = arrayIn(policy.conditions, 'the conditions').map(compileClause);
  return {
    id,
    alone: Object.freeze([id]),
    effect,
    scope:
      principal === undefined || resource === undefined
        ? (principal ?? resource)
        : (frame) => principal(frame) && resource(frame),
    condition: conditions.length === 0 ? undefined : conditions.reduce(both),
    actionScope: readActionScope(policy.action),
  };
}

function compileClause(json: unknown): Code {
  const { kind, body } = membersOf(json, 'a condition', ['kind', 'body']);
  switch (kind) {
    case 'when':
      return compileExpression(body).run;
    case 'unless':
      return compileExpression({ '!': { arg: body } }).run;
    default:
      throw new UnsupportedConstruct(`the condition ${String(kind)}`);
  }
}

function namedActions(scope: ActionScope): readonly EntityReference[] {
  switch (scope.kind) {
    case 'every':
      return [];
    case 'exactly':
      return [scope.action];
    case 'within':
      return scope.groups;
    default:
      return scope satisfies never;
  }
}

function appliesTo(scope: ActionScope, action: EntityReference, entity: Entity | undefined): boolean {
  switch (scope.kind) {
    case 'every':
      return true;
    case 'exactly':
      return isSameEntity(scope.action, action);
    case 'within':
      return scope.groups.some((group) => isSameEntity(group, action) || entity?.ancestors.has(group) === true);
    default:
      return scope satisfies never;
  }
}
