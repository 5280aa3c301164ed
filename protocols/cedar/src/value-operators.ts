import { argumentOf, type Expression, type OperatorCompiler, operandsOf, pureBinary, pureUnary } from './expression.ts';
import { arrayIn, membersOf, stringIn, UnsupportedConstruct } from './json-policy.ts';
import { compileLike, type PatternPiece } from './like-pattern.ts';
import { addLongs, isLong, type Long, multiplyLongs, subtractLongs } from './long.ts';
import { PolicyFault } from './policy-fault.ts';
import { equalValues, SetValue, type Value } from './value.ts';

/** The operators that depend only on the values of their operands, not on entities. */
export const valueOperators: readonly (readonly [string, OperatorCompiler])[] = [
  ['==', compileEquality(true)],
  ['!=', compileEquality(false)],
  comparison('<', (left, right) => left < right),
  comparison('<=', (left, right) => left <= right),
  comparison('>', (left, right) => left > right),
  comparison('>=', (left, right) => left >= right),
  arithmetic('+', addLongs),
  arithmetic('-', subtractLongs),
  arithmetic('*', multiplyLongs),
  unary('neg', negation()),
  binary('contains', containment()),
  ofSets('containsAll', (left, right) => left.containsAll(right)),
  ofSets('containsAny', (left, right) => left.containsAny(right)),
  unary('isEmpty', emptiness()),
  ['like', compileLikeOperator],
];

type Operator = readonly [string, OperatorCompiler];

function unary(name: string, apply: (value: Value) => Value): Operator {
  return [name, (body, compile) => pureUnary(argumentOf(body, name, compile), apply)];
}

function binary(name: string, apply: (left: Value, right: Value) => Value): Operator {
  return [
    name,
    (body, compile) => {
      const { left, right } = operandsOf(body, name, compile);
      return pureBinary(left, right, apply);
    },
  ];
}

/** Usually one side is a constant that `===` can compare: text, boolean or Long. */
function compileEquality(whenEqual: boolean): OperatorCompiler {
  const compare = whenEqual ? equalValues : (left: Value, right: Value) => !equalValues(left, right);
  return (body, compile) => {
    const { left, right } = operandsOf(body, '==', compile);
    const [computedSide, constant] = left.constant === undefined ? [left, right.constant] : [right, left.constant];
    if (constant === undefined || typeof constant === 'object' || typeof constant === 'bigint') {
      return pureBinary(left, right, compare);
    }
    return pureUnary(computedSide, (value) => (value === constant) === whenEqual);
  };
}

/** Longs, datetimes and durations are ordered, each among their own kind. */
function comparison(name: string, compare: (left: Long, right: Long) => boolean): Operator {
  const wrongType = new PolicyFault(`${name}: the operands are not two Longs, two datetimes or two durations`);
  return binary(name, (left, right) => {
    if (isLong(left) && isLong(right)) return compare(left, right);
    if (typeof left === 'object' && typeof right === 'object') {
      if (left.kind === 'datetime' && right.kind === 'datetime') {
        return compare(left.epochMilliseconds, right.epochMilliseconds);
      }
      if (left.kind === 'duration' && right.kind === 'duration') return compare(left.milliseconds, right.milliseconds);
    }
    throw wrongType;
  });
}

function arithmetic(name: string, compute: (left: Long, right: Long) => Long | undefined): Operator {
  const wrongType = new PolicyFault(`${name}: an operand is not a Long`);
  const overflow = new PolicyFault(`${name}: the result does not fit 64 bits`);
  return binary(name, (left, right) => {
    if (!isLong(left) || !isLong(right)) throw wrongType;
    const result = compute(left, right);
    if (result === undefined) throw overflow;
    return result;
  });
}

function negation(): (value: Value) => Value {
  const wrongType = new PolicyFault('-: the operand is not a Long');
  const overflow = new PolicyFault('-: the result does not fit 64 bits');
  return (value) => {
    if (!isLong(value)) throw wrongType;
    const result = subtractLongs(0, value);
    if (result === undefined) throw overflow;
    return result;
  };
}

function containment(): (left: Value, right: Value) => Value {
  const wrongType = new PolicyFault('contains: the receiver is not a set');
  return (left, right) => {
    if (!(left instanceof SetValue)) throw wrongType;
    return left.contains(right);
  };
}

function ofSets(name: string, apply: (left: SetValue, right: SetValue) => boolean): Operator {
  const wrongType = new PolicyFault(`${name}: an operand is not a set`);
  return binary(name, (left, right) => {
    if (!(left instanceof SetValue) || !(right instanceof SetValue)) throw wrongType;
    return apply(left, right);
  });
}

function emptiness(): (value: Value) => Value {
  const wrongType = new PolicyFault('isEmpty: the receiver is not a set');
  return (value) => {
    if (!(value instanceof SetValue)) throw wrongType;
    return value.items.length === 0;
  };
}

function compileLikeOperator(body: unknown, compile: (operand: unknown) => Expression): Expression {
  const { left, pattern } = membersOf(body, 'like', ['left', 'pattern']);
  const matches = compileLike(arrayIn(pattern, 'a like pattern').map(patternPiece));
  const wrongType = new PolicyFault('like: the operand is not a string');
  return pureUnary(compile(left), (text) => {
    if (typeof text !== 'string') throw wrongType;
    return matches(text);
  });
}

function patternPiece(json: unknown): PatternPiece {
  if (json === 'Wildcard') return 'wildcard';
  const literal = stringIn(membersOf(json, 'a like pattern', ['Literal']).Literal, 'a like pattern');
  if (!literal.isWellFormed()) throw new UnsupportedConstruct('a like pattern splits a character');
  return { literal };
}
