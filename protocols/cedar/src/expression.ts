import type { Code } from './frame.ts';
import { membersOf, stringIn } from './json-policy.ts';
import { PolicyFault } from './policy-fault.ts';
import type { Value } from './value.ts';

/** A compiled expression and, where it is the same for every request, its value. */
export interface Expression {
  readonly run: Code;
  readonly constant: Value | undefined;
  /** The variable, if the expression is only that. */
  readonly variable?: Variable;
}

export type Variable = 'principal' | 'action' | 'resource' | 'context';

/** Compiles one operator from the body under its name; `compile` is for its operands. */
export type OperatorCompiler = (body: unknown, compile: (operand: unknown) => Expression) => Expression;

export function constantly(value: Value): Expression {
  return { run: () => value, constant: value };
}

export function computed(run: Code): Expression {
  return { run, constant: undefined };
}

export function variable(name: Variable, run: Code): Expression {
  return { run, constant: undefined, variable: name };
}

/** An operator of one operand: computed now if the operand is constant and does not fault. */
export function pureUnary(operand: Expression, apply: (value: Value) => Value): Expression {
  const { run, constant } = operand;
  return (constant === undefined ? undefined : folded(() => apply(constant))) ?? computed((frame) => apply(run(frame)));
}

/** As {@link pureUnary}, left operand first. */
export function pureBinary(
  left: Expression,
  right: Expression,
  apply: (left: Value, right: Value) => Value,
): Expression {
  const [runLeft, runRight] = [left.run, right.run];
  const [constantLeft, constantRight] = [left.constant, right.constant];
  if (constantLeft !== undefined && constantRight !== undefined) {
    const constant = folded(() => apply(constantLeft, constantRight));
    if (constant !== undefined) return constant;
  }
  return computed((frame) => apply(runLeft(frame), runRight(frame)));
}

function folded(apply: () => Value): Expression | undefined {
  try {
    return constantly(apply());
  } catch (error) {
    // It faults each time it is reached, and only when it is reached.
    if (error instanceof PolicyFault) return undefined;
    throw error;
  }
}

/** `{left, right}`, compiled. */
export function operandsOf(
  body: unknown,
  what: string,
  compile: (operand: unknown) => Expression,
): { readonly left: Expression; readonly right: Expression } {
  const { left, right } = membersOf(body, what, ['left', 'right']);
  return { left: compile(left), right: compile(right) };
}

/** `{arg}`, compiled. */
export function argumentOf(body: unknown, what: string, compile: (operand: unknown) => Expression): Expression {
  return compile(membersOf(body, what, ['arg']).arg);
}

/** `{left, attr}`, compiled; `attr` is a name. */
export function attributeOf(
  body: unknown,
  what: string,
  compile: (operand: unknown) => Expression,
): { readonly left: Expression; readonly attribute: string } {
  const { left, attr } = membersOf(body, what, ['left', 'attr']);
  return { left: compile(left), attribute: stringIn(attr, what) };
}
