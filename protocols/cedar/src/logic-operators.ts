import { argumentOf, computed, type Expression, type OperatorCompiler, operandsOf, pureUnary } from './expression.ts';
import type { Code } from './frame.ts';
import { membersOf } from './json-policy.ts';
import { PolicyFault } from './policy-fault.ts';
import type { Value } from './value.ts';

/** `&&`, `||`, `!` and `if`: the operators that do not always evaluate all their operands. */
export const logicOperators: readonly (readonly [string, OperatorCompiler])[] = [
  ['&&', compileAnd],
  ['||', compileOr],
  ['!', (body, compile) => pureUnary(argumentOf(body, '!', compile), negate)],
  ['if-then-else', compileIf],
];

const notBoolean = {
  and: new PolicyFault('&&: an operand is not a boolean'),
  or: new PolicyFault('||: an operand is not a boolean'),
  not: new PolicyFault('!: the operand is not a boolean'),
  if: new PolicyFault('if: the condition is not a boolean'),
};

function negate(value: Value): Value {
  if (typeof value !== 'boolean') throw notBoolean.not;
  return !value;
}

function compileAnd(body: unknown, compile: (operand: unknown) => Expression): Expression {
  const { left, right } = operandsOf(body, '&&', compile);
  return computed(both(left.run, right.run));
}

/** `left && right`: the right side is not evaluated when the left is false, and must be a boolean when it is. */
export function both(left: Code, right: Code): Code {
  return (frame) => {
    const first = left(frame);
    if (first === false) return false;
    if (first !== true) throw notBoolean.and;
    const second = right(frame);
    if (typeof second !== 'boolean') throw notBoolean.and;
    return second;
  };
}

function compileOr(body: unknown, compile: (operand: unknown) => Expression): Expression {
  const { left, right } = operandsOf(body, '||', compile);
  const [runLeft, runRight] = [left.run, right.run];
  return computed((frame) => {
    const first = runLeft(frame);
    if (first === true) return true;
    if (first !== false) throw notBoolean.or;
    const second = runRight(frame);
    if (typeof second !== 'boolean') throw notBoolean.or;
    return second;
  });
}

function compileIf(body: unknown, compile: (operand: unknown) => Expression): Expression {
  const branches = membersOf(body, 'if', ['if', 'then', 'else']);
  const condition = compile(branches.if).run;
  const whenTrue = compile(branches.then).run;
  const whenFalse = compile(branches.else).run;
  return computed((frame) => {
    const chosen = condition(frame);
    if (typeof chosen !== 'boolean') throw notBoolean.if;
    return chosen ? whenTrue(frame) : whenFalse(frame);
  });
}
