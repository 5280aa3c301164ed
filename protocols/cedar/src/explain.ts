import { valueText } from './cedar-text.ts';
import { compileExpression } from './compile-expression.ts';
import { type CompiledPolicySet, compile } from './compile-policies.ts';
import { frameOf } from './evaluate.ts';
import type { Frame } from './frame.ts';
import { arrayIn, membersOf, objectIn } from './json-policy.ts';
import type { ParsedPolicySet } from './parse-policy-set.ts';
import { isPlainObject } from './plain-object.ts';
import { PolicyFault } from './policy-fault.ts';
import { printExpression } from './print-expression.ts';
import type { AuthorizationRequest } from './request.ts';

/** The outcome of one policy whose scope matches the request. */
export interface PolicyExplanation {
  readonly policyId: string;
  readonly effect: 'permit' | 'forbid';
  /** Cedar's own outcome; in `decideFailClosed` a forbid with `error` still denies. */
  readonly outcome: 'satisfied' | 'unsatisfied' | 'error';
  /** In text order; each must be met. Empty if the policy has only a scope. */
  readonly conditions: readonly ConditionExplanation[];
}

/** One condition of a policy: a part of a `when` between `&&`, or of an `unless` between `||`. */
export interface ConditionExplanation {
  readonly kind: 'when' | 'unless';
  /** In Cedar's policy syntax, without the `when` or `unless`. */
  readonly text: string;
  /** The result of the text by itself. A `when` must be `true`, an `unless` must be `false`. */
  readonly outcome: 'true' | 'false' | 'error';
  readonly message?: string;
  readonly met: boolean;
  /**
   * False if an earlier condition was not met, so this one was not evaluated. An error here is then not an error of the
   * policy, because the earlier condition may exist to prevent it.
   */
  readonly reached: boolean;
  /** The attributes that the text reads, with their values; at most 32. */
  readonly values: readonly FoundValue[];
}

export interface FoundValue {
  /** `resource.notional`, `context.approvals` */
  readonly text: string;
  /** In Cedar's policy syntax, at most 256 characters. Undefined if there is no value or reading it is an error. */
  readonly value: string | undefined;
}

const maxValues = 32;
const maxValueLength = 256;
const compiledSets = new WeakMap<ParsedPolicySet, CompiledPolicySet>();

/**
 * Explains the answer to a request: every policy whose scope matches, its conditions, and the values found. A thousand times
 * slower than a decision.
 * @throws CodedError `request_refused` as `evaluate` does; `policy_unsupported` as `compile` does
 */
export function explain(parsed: ParsedPolicySet, request: AuthorizationRequest): readonly PolicyExplanation[] {
  let compiled = compiledSets.get(parsed);
  if (compiled === undefined) {
    compiled = compile(parsed);
    compiledSets.set(parsed, compiled);
  }
  const met = compiled.meet(request.action);
  const frame = frameOf(compiled, met, request);
  const meets = met.policies.filter(({ scope }) => scope === undefined || scope(frame));
  const ids = new Set(meets.map(({ id }) => id));
  return parsed.policies
    .filter(({ id }) => ids.has(id))
    .map(({ id, effect, json }) => {
      const conditions = explainConditions(json.conditions, frame);
      const failing = conditions.find(({ met }) => !met);
      return {
        policyId: id,
        effect,
        outcome: failing === undefined ? 'satisfied' : failing.outcome === 'error' ? 'error' : 'unsatisfied',
        conditions,
      };
    });
}

function explainConditions(clauses: unknown, frame: Frame): readonly ConditionExplanation[] {
  let reached = true;
  return arrayIn(clauses, 'the conditions')
    .flatMap(partsOf)
    .map(({ kind, part }) => {
      const result = outcomeOf(part, frame);
      const met = result.outcome === (kind === 'when' ? 'true' : 'false');
      const explained = { kind, text: printExpression(part), ...result, met, reached, values: valuesIn(part, frame) };
      reached &&= met;
      return explained;
    });
}

interface Part {
  readonly kind: 'when' | 'unless';
  readonly part: unknown;
}

/** `when { a && b }` requires both; `unless { a || b }` requires neither. */
function partsOf(clause: unknown): readonly Part[] {
  const { kind, body } = membersOf(clause, 'a condition', ['kind', 'body']);
  return kind === 'unless'
    ? operands(body, '||').map((part) => ({ kind, part }))
    : operands(body, '&&').map((part) => ({ kind: 'when', part }));
}

function operands(json: unknown, operator: '&&' | '||'): readonly unknown[] {
  if (!isPlainObject(json) || !Object.hasOwn(json, operator)) return [json];
  const { left, right } = membersOf(json[operator], operator, ['left', 'right']);
  return [...operands(left, operator), ...operands(right, operator)];
}

function outcomeOf(json: unknown, frame: Frame): Pick<ConditionExplanation, 'outcome' | 'message'> {
  try {
    const value = compileExpression(json).run(frame);
    if (typeof value === 'boolean') return { outcome: value ? 'true' : 'false' };
    return { outcome: 'error', message: 'it is not a boolean' };
  } catch (error) {
    if (error instanceof PolicyFault) return { outcome: 'error', message: error.message };
    throw error;
  }
}

function valuesIn(json: unknown, frame: Frame): readonly FoundValue[] {
  const found = new Map<string, FoundValue>();
  for (const looked of lookedAt(json)) {
    const text = printExpression(looked);
    if (found.size < maxValues && !found.has(text)) found.set(text, { text, value: textOf(looked, frame) });
  }
  return Array.from(found.values());
}

/** The longest expressions that read a value: `resource.account.owner`, not also `resource`. */
function* lookedAt(json: unknown): Generator {
  const [name, body] = Object.entries(objectIn(json, 'an expression'))[0] ?? [''];
  switch (name) {
    case 'Value':
      return;
    case 'Var':
    case '.':
    case 'getTag':
      yield json;
      return;
    case 'hasTag':
      yield { getTag: body };
      return;
    case 'has': {
      const { left, attr } = membersOf(body, 'has', ['left', 'attr']);
      const path: readonly unknown[] = Array.isArray(attr) ? attr : [attr];
      yield path.reduce((receiver, step) => ({ '.': { left: receiver, attr: step } }), left);
      return;
    }
    default: {
      // Items of a set, arguments of a call, or `left`, `right`, `arg` and their like among texts and patterns.
      const operands: readonly unknown[] = Array.isArray(body) ? body : Object.values(objectIn(body, name));
      for (const operand of operands) if (isPlainObject(operand)) yield* lookedAt(operand);
    }
  }
}

function textOf(json: unknown, frame: Frame): string | undefined {
  try {
    const text = valueText(compileExpression(json).run(frame));
    return text.length > maxValueLength ? `${text.slice(0, maxValueLength - 1)}…` : text;
  } catch (error) {
    if (error instanceof PolicyFault) return undefined;
    throw error;
  }
}
