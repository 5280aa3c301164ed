import { entityOperators } from './entity-operators.ts';
import {
  computed,
  constantly,
  type Expression,
  type OperatorCompiler,
  pureBinary,
  pureUnary,
  variable,
} from './expression.ts';
import { extensionFunction } from './extension-functions.ts';
import { arrayIn, objectIn, UnsupportedConstruct } from './json-policy.ts';
import { logicOperators } from './logic-operators.ts';
import { PolicyFault } from './policy-fault.ts';
import { RecordValue, SetValue } from './value.ts';
import { MalformedValue, ValueReader } from './value-json.ts';
import { valueOperators } from './value-operators.ts';

const operators: ReadonlyMap<string, OperatorCompiler> = new Map<string, OperatorCompiler>([
  ['Value', compileLiteral],
  ['Var', compileVariable],
  ['Set', compileSet],
  ['Record', compileRecord],
  ...logicOperators,
  ...valueOperators,
  ...entityOperators,
]);

// // Far above what parsePolicySet accepts; for JSON from other sources.
const maxDepth = 512;

/**
 * Compiles an expression of the JSON policy form.
 * @throws UnsupportedConstruct where the form has no exact meaning here
 */
export function compileExpression(json: unknown, depth = 0): Expression {
  if (depth > maxDepth) throw new UnsupportedConstruct(`an expression is nested deeper than ${maxDepth} levels`);
  const entries = Object.entries(objectIn(json, 'an expression'));
  const [name, body] = entries[0] ?? ['', undefined];
  if (entries.length !== 1) throw new UnsupportedConstruct('an expression does not name one operator');
  const compile = (operand: unknown): Expression => compileExpression(operand, depth + 1);
  const operator = operators.get(name);
  return operator === undefined ? compileCall(name, body, compile) : operator(body, compile);
}

function compileLiteral(body: unknown): Expression {
  try {
    return constantly(new ValueReader('literal', literalLimits).read(body));
  } catch (error) {
    if (error instanceof MalformedValue) throw new UnsupportedConstruct(error.message);
    throw error;
  }
}

const literalLimits = { maxDepth: 32, maxValues: 65_536, maxStringLength: 65_536 };

function compileVariable(body: unknown): Expression {
  switch (body) {
    case 'principal':
      return variable(body, (frame) => frame.principal);
    case 'action':
      return variable(body, (frame) => frame.action);
    case 'resource':
      return variable(body, (frame) => frame.resource);
    case 'context':
      return variable(body, (frame) => frame.context);
    default:
      throw new UnsupportedConstruct(`the variable ${String(body)}`);
  }
}

function compileSet(body: unknown, compile: (operand: unknown) => Expression): Expression {
  const items = arrayIn(body, 'a set').map(compile);
  const constants = items.map((item) => item.constant).filter((constant) => constant !== undefined);
  if (constants.length === items.length) return constantly(new SetValue(constants));
  return computed((frame) => new SetValue(items.map((item) => item.run(frame))));
}

function compileRecord(body: unknown, compile: (operand: unknown) => Expression): Expression {
  const members = objectIn(body, 'a record');
  const names = Object.keys(members);
  const values = Object.values(members).map(compile);
  const constants = values.map((value) => value.constant).filter((constant) => constant !== undefined);
  if (constants.length === values.length) return constantly(new RecordValue(names, constants));
  return computed(
    (frame) =>
      new RecordValue(
        names,
        values.map((value) => value.run(frame)),
      ),
  );
}

/** A call of an extension function, written as a function or a method: both are `{name: [arguments]}`. */
function compileCall(name: string, body: unknown, compile: (operand: unknown) => Expression): Expression {
  const fn = extensionFunction(name);
  if (fn === undefined) throw new UnsupportedConstruct(`the operator or function ${name.slice(0, 64)}`);
  const [first, second, ...more] = arrayIn(body, name).map(compile);
  if (fn.arity === 1 && first !== undefined && second === undefined) return pureUnary(first, fn.apply);
  if (fn.arity === 2 && first !== undefined && second !== undefined && more.length === 0) {
    return pureBinary(first, second, fn.apply);
  }
  // Cedar lets a wrong number of arguments through its parser, and then always ends in an error.
  return faulting(new PolicyFault(`${name} is called with a wrong number of arguments`));
}

function faulting(fault: PolicyFault): Expression {
  return computed(() => {
    throw fault;
  });
}
