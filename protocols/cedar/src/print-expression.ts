import { escaped, nameText, quoted, valueText } from './cedar-text.ts';
import { isIdentifier } from './identifier.ts';
import { arrayIn, membersOf, objectIn, stringIn, UnsupportedConstruct } from './json-policy.ts';
import { isLong } from './long.ts';
import { ValueReader } from './value-json.ts';

/** How tightly an operator binds; a looser operand gets parentheses. */
const binding = { if: 0, or: 1, and: 2, relation: 3, sum: 4, product: 5, sign: 6, member: 7 } as const;
type Binding = (typeof binding)[keyof typeof binding];

interface Printed {
  readonly text: string;
  readonly binds: Binding;
}

const infixOperators: ReadonlyMap<string, readonly [Binding, Binding, Binding]> = new Map([
  // // Its own binding, then the bindings required of its left and right operands.
  ['||', [binding.or, binding.or, binding.and]],
  ['&&', [binding.and, binding.and, binding.relation]],
  ...['==', '!=', '<', '<=', '>', '>=', 'in'].map(
    (name) => [name, [binding.relation, binding.sum, binding.sum]] as [string, [Binding, Binding, Binding]],
  ),
  ['+', [binding.sum, binding.sum, binding.product]],
  ['-', [binding.sum, binding.sum, binding.product]],
  ['*', [binding.product, binding.product, binding.sign]],
]);

const methods: ReadonlySet<string> = new Set(['contains', 'containsAll', 'containsAny', 'getTag', 'hasTag']);
/** Called by their name; every other extension function is a method of its first argument. */
const constructors: ReadonlySet<string> = new Set(['decimal', 'ip', 'datetime', 'duration']);
const literalLimits = { maxDepth: 32, maxValues: 65_536, maxStringLength: 65_536 };

/** On one line; it reads back as the same expression. @throws UnsupportedConstruct for JSON without a meaning here */
export function printExpression(json: unknown): string {
  return print(json).text;
}

function print(json: unknown): Printed {
  const entries = Object.entries(objectIn(json, 'an expression'));
  const [name, body] = entries[0] ?? ['', undefined];
  if (entries.length !== 1) throw new UnsupportedConstruct('an expression does not name one operator');
  const infix = infixOperators.get(name);
  if (infix !== undefined) return printInfix(name, body, infix);
  if (methods.has(name)) {
    const { left, right } = membersOf(body, name, ['left', 'right']);
    return member(`${within(left, binding.member)}.${name}(${printExpression(right)})`);
  }
  switch (name) {
    case 'Value':
      return printLiteral(body);
    case 'Var':
      return member(stringIn(body, 'a variable'));
    case 'Set':
      return member(`[${arrayIn(body, 'a set').map(printExpression).join(', ')}]`);
    case 'Record':
      return member(
        `{${Object.entries(objectIn(body, 'a record'))
          .map(([key, value]) => `${nameText(key)}: ${printExpression(value)}`)
          .join(', ')}}`,
      );
    case '!':
      return { text: `!${within(membersOf(body, '!', ['arg']).arg, binding.member)}`, binds: binding.sign };
    case 'neg':
      // Parentheses always: `-1` is a literal.
      return { text: `-(${printExpression(membersOf(body, 'neg', ['arg']).arg)})`, binds: binding.sign };
    case 'isEmpty':
      return member(`${within(membersOf(body, name, ['arg']).arg, binding.member)}.isEmpty()`);
    case '.': {
      const { left, attr } = membersOf(body, '.', ['left', 'attr']);
      const attribute = stringIn(attr, '.');
      const receiver = within(left, binding.member);
      return member(isIdentifier(attribute) ? `${receiver}.${attribute}` : `${receiver}[${quoted(attribute)}]`);
    }
    case 'has': {
      const { left, attr } = membersOf(body, 'has', ['left', 'attr']);
      const path = Array.isArray(attr)
        ? attr.map((step) => stringIn(step, 'has')).join('.')
        : nameText(stringIn(attr, 'has'));
      return relation(`${within(left, binding.sum)} has ${path}`);
    }
    case 'like': {
      const { left, pattern } = membersOf(body, 'like', ['left', 'pattern']);
      return relation(`${within(left, binding.sum)} like "${arrayIn(pattern, 'like').map(patternText).join('')}"`);
    }
    case 'is': {
      const { left, entity_type, in: group } = membersOf(body, 'is', ['left', 'entity_type'], ['in']);
      const inGroup = group === undefined ? '' : ` in ${within(group, binding.sum)}`;
      return relation(`${within(left, binding.sum)} is ${stringIn(entity_type, 'is')}${inGroup}`);
    }
    case 'if-then-else': {
      const branches = membersOf(body, 'if', ['if', 'then', 'else']);
      const [condition, yes, no] = [branches.if, branches.then, branches.else].map(printExpression);
      return { text: `if ${condition} then ${yes} else ${no}`, binds: binding.if };
    }
    default:
      return printCall(name, arrayIn(body, name));
  }
}

function printInfix(name: string, body: unknown, [own, left, right]: readonly [Binding, Binding, Binding]): Printed {
  const operands = membersOf(body, name, ['left', 'right']);
  return { text: `${within(operands.left, left)} ${name} ${within(operands.right, right)}`, binds: own };
}

function printLiteral(body: unknown): Printed {
  const value = new ValueReader('literal', literalLimits).read(body);
  return { text: valueText(value), binds: isLong(value) && value < 0 ? binding.sign : binding.member };
}

function printCall(name: string, args: readonly unknown[]): Printed {
  if (constructors.has(name) || args.length === 0) return member(`${name}(${args.map(printExpression).join(', ')})`);
  const [receiver, ...rest] = args;
  return member(`${within(receiver, binding.member)}.${name}(${rest.map(printExpression).join(', ')})`);
}

function patternText(piece: unknown): string {
  if (piece === 'Wildcard') return '*';
  return escaped(stringIn(membersOf(piece, 'like', ['Literal']).Literal, 'like')).replaceAll('*', '\\*');
}

function within(json: unknown, needed: Binding): string {
  const { text, binds } = print(json);
  return binds < needed ? `(${text})` : text;
}

function member(text: string): Printed {
  return { text, binds: binding.member };
}

function relation(text: string): Printed {
  return { text, binds: binding.relation };
}
