// Arbitrary policies for any schema, for tests: typed as the schema declares, so that most pass strict validation.
import fc from 'fast-check';
import { entityText, nameText, quoted } from '../cedar-text.ts';
import { isIdentifier } from '../identifier.ts';
import type { PolicySchema } from '../policy-schema.ts';
import type { RecordType, ValueType } from '../schema-types.ts';
import { EntityReference } from '../value.ts';
import { type Environment, idsOf, longsOf, tagNames, textsOf, type Vocabulary } from './arbitrary-world.ts';

/** An expression and the guard it needs (`principal has desk`). */
interface Typed {
  readonly text: string;
  readonly guards: readonly string[];
}

interface Path extends Typed {
  readonly type: ValueType;
}

const maxSteps = 3;
const comparisons = ['<', '<=', '>', '>='];
const patterns = ['*', 'a*', '*c', 'a\\*c', '*b*', 'abc', ''];

export interface PolicyKind {
  /** Environments of the schema; each policy is for one of them. */
  readonly environments: readonly Environment[];
  readonly effects: readonly ('permit' | 'forbid')[];
  readonly vocabulary?: Vocabulary | undefined;
}

/** One policy in Cedar's policy syntax, with the given `@id`. */
export function policyOf(
  schema: PolicySchema,
  id: string,
  { environments, effects, vocabulary = {} }: PolicyKind,
): fc.Arbitrary<string> {
  return fc.gen().map((gen) => {
    const pick = <Item>(items: readonly Item[]): Item => {
      const item = items[gen(fc.nat, { max: items.length - 1 })];
      if (item === undefined) throw new Error('there is nothing to pick from');
      return item;
    };
    const writer = new PolicyWriter(schema, pick(environments), vocabulary, pick);
    return writer.policy(id, pick(effects));
  });
}

class PolicyWriter {
  readonly #schema: PolicySchema;
  readonly #environment: Environment;
  readonly #vocabulary: Vocabulary;
  readonly #pick: <Item>(items: readonly Item[]) => Item;
  readonly #paths: readonly Path[];

  constructor(
    schema: PolicySchema,
    environment: Environment,
    vocabulary: Vocabulary,
    pick: <Item>(items: readonly Item[]) => Item,
  ) {
    this.#schema = schema;
    this.#environment = environment;
    this.#vocabulary = vocabulary;
    this.#pick = pick;
    const variable = (text: string, type: ValueType): Path => ({ text, type, guards: [] });
    this.#paths = [
      variable('principal', { kind: 'entity', type: environment.principal }),
      variable('resource', { kind: 'entity', type: environment.resource }),
      variable('context', environment.context),
    ].flatMap((path) => this.#reachable(path, maxSteps));
  }

  policy(id: string, effect: 'permit' | 'forbid'): string {
    const clauses = Array.from({ length: this.#pick([1, 1, 2]) }, () => {
      return `${this.#pick(['when', 'when', 'unless'])} { ${this.#boolean(3)} }`;
    });
    const { principal, action, resource } = this.#environment;
    const scope = [
      this.#scope('principal', principal),
      `action == ${entityText(new EntityReference(action.type, action.id))}`,
      this.#scope('resource', resource),
    ];
    return `@id(${quoted(id)}) ${effect} (${scope.join(', ')}) ${clauses.join(' ')};`;
  }

  #scope(variable: string, type: string): string {
    const above = [type, ...(this.#schema.entityTypes.get(type)?.parentTypes ?? [])];
    const ofType = (): string => `${variable} is ${type}`;
    return this.#pick([
      ...[ofType, ofType, ofType, ofType, ofType],
      () => `${variable} is ${type} in ${this.#entity(this.#pick(above))}`,
      () => `${variable} == ${this.#entity(type)}`,
    ])();
  }

  #reachable(path: Path, steps: number): readonly Path[] {
    const record = this.#attributesOf(path.type);
    if (record === undefined || steps === 0) return [path];
    const further = Array.from(record.attributes).flatMap(([name, { type, required }]) => {
      const text = isIdentifier(name) ? `${path.text}.${name}` : `${path.text}[${quoted(name)}]`;
      const guards = required ? path.guards : [...path.guards, `${path.text} has ${nameText(name)}`];
      return this.#reachable({ text, type, guards }, steps - 1);
    });
    return [path, ...further];
  }

  #attributesOf(type: ValueType): RecordType | undefined {
    if (type.kind === 'record') return type;
    return type.kind === 'entity' ? this.#schema.entityTypes.get(type.type)?.attributes : undefined;
  }

  #boolean(depth: number): string {
    if (depth === 0) return this.#atom();
    const inner = (): string => `(${this.#boolean(depth - 1)})`;
    return this.#pick([
      () => this.#atom(),
      () => this.#atom(),
      () => `${inner()} && ${inner()}`,
      () => `${inner()} || ${inner()}`,
      () => `!${inner()}`,
      () => `if ${inner()} then ${inner()} else ${inner()}`,
    ])();
  }

  /** A comparison with its guards. */
  #atom(): string {
    const path = this.#pick(this.#paths);
    const { text, guards } = this.#about(path);
    return Array.from(new Set([...path.guards, ...guards]), (guard) => `${guard} && `)
      .join('')
      .concat(text);
  }

  #about(path: Path): Typed {
    const { type, text } = path;
    const itself = (): Typed => this.#infix(path, '==', path);
    const against = (other: ValueType, make: (value: Typed) => Typed) => (): Typed => {
      const value = this.#expression(other);
      return value === undefined ? itself() : make(value);
    };
    const equality = against(type, (value) => this.#infix(path, this.#pick(['==', '!=']), value));
    const method = (argument: ValueType, ...names: readonly string[]) =>
      against(argument, (value) => this.#method(path, this.#pick(names), value));
    switch (type.kind) {
      case 'boolean':
        return this.#pick([() => path, equality])();
      case 'long':
      case 'datetime':
      case 'duration':
        return this.#pick([equality, against(type, (value) => this.#infix(value, this.#pick(comparisons), path))])();
      case 'string':
        return this.#pick([
          equality,
          equality,
          () => ({ text: `${text} like "${this.#pick(patterns)}"`, guards: [] }),
        ])();
      case 'decimal':
        return this.#pick([
          equality,
          method(type, 'lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual'),
        ])();
      case 'ipaddr':
        return this.#pick([
          equality,
          () => this.#method(path, this.#pick(['isIpv4', 'isIpv6', 'isLoopback', 'isMulticast'])),
          method(type, 'isInRange'),
        ])();
      case 'set':
        return this.#pick([
          equality,
          () => this.#method(path, 'isEmpty'),
          method(type.element, 'contains'),
          method(type, 'containsAll', 'containsAny'),
        ])();
      case 'record':
        return this.#pick([equality, () => this.#has(path)])();
      case 'entity':
        return this.#pick([
          equality,
          () => this.#has(path),
          () => this.#tag(path, type.type),
          () => this.#in(path, type.type),
        ])();
      default:
        return type satisfies never;
    }
  }

  #infix(left: Typed, operator: string, right: Typed): Typed {
    return { text: `${left.text} ${operator} ${right.text}`, guards: [...left.guards, ...right.guards] };
  }

  #method(receiver: Typed, name: string, argument?: Typed): Typed {
    return {
      text: `${receiver.text}.${name}(${argument?.text ?? ''})`,
      guards: [...receiver.guards, ...(argument?.guards ?? [])],
    };
  }

  #has(path: Path): Typed {
    const names = Array.from(this.#attributesOf(path.type)?.attributes.keys() ?? []);
    return names.length === 0
      ? this.#infix(path, '==', path)
      : { text: `${path.text} has ${nameText(this.#pick(names))}`, guards: [] };
  }

  #tag(path: Path, type: string): Typed {
    const tags = this.#schema.entityTypes.get(type)?.tags;
    if (tags === undefined) return this.#in(path, type);
    const name = quoted(this.#pick(tagNames));
    const has = { text: `${path.text}.hasTag(${name})`, guards: [] };
    const got: Path = { text: `${path.text}.getTag(${name})`, type: tags, guards: [has.text] };
    if (this.#pick([true, false])) return has;
    const { text, guards } = this.#about(got);
    return { text, guards: [has.text, ...guards] };
  }

  #in(path: Path, type: string): Typed {
    const above = [type, ...(this.#schema.entityTypes.get(type)?.parentTypes ?? [])];
    const group = this.#pick(above);
    const other = this.#paths.filter((each) => each.type.kind === 'entity' && each.type.type === group);
    return this.#pick([
      () => ({ text: `${path.text} in ${this.#entity(group)}`, guards: [] }),
      () => ({ text: `${path.text} in [${this.#entity(group)}, ${this.#entity(group)}]`, guards: [] }),
      () => ({ text: `${path.text} is ${type} in ${this.#entity(group)}`, guards: [] }),
      () => (other.length === 0 ? this.#infix(path, '==', path) : this.#infix(path, 'in', this.#pick(other))),
    ])();
  }

  /** An expression of a type: a literal, a reachable attribute, or a computed value; undefined if there is none. */
  #expression(type: ValueType): Typed | undefined {
    const same = this.#paths.filter((path) => isSameType(path.type, type));
    const computed = this.#computed(type);
    const ways = [
      ...(hasLiteral(type) ? [() => this.#literal(type)] : []),
      ...(same.length === 0 ? [] : [() => this.#pick(same)]),
      ...(computed === undefined ? [] : [computed]),
    ];
    return ways.length === 0 ? undefined : this.#pick(ways)();
  }

  #computed(type: ValueType): (() => Typed) | undefined {
    const literal = (kind: 'long' | 'datetime' | 'duration'): Typed => this.#literal({ kind });
    const found = (kind: 'long' | 'datetime' | 'duration'): Typed => {
      const paths = this.#paths.filter((path) => path.type.kind === kind);
      return paths.length === 0 ? literal(kind) : this.#pick(paths);
    };
    switch (type.kind) {
      case 'long':
        return () =>
          this.#pick([
            () => parenthesized(this.#infix(found('long'), this.#pick(['+', '-', '*']), literal('long'))),
            () => this.#method(found('duration'), this.#pick(['toMilliseconds', 'toSeconds', 'toHours', 'toDays'])),
          ])();
      case 'datetime':
        return () =>
          this.#pick([
            () => this.#method(found('datetime'), 'offset', literal('duration')),
            () => this.#method(found('datetime'), 'toDate'),
          ])();
      case 'duration':
        return () =>
          this.#pick([
            () => this.#method(found('datetime'), 'durationSince', found('datetime')),
            () => this.#method(found('datetime'), 'toTime'),
          ])();
      default:
        return undefined;
    }
  }

  #literal(type: ValueType): Typed {
    return { text: this.#literalText(type), guards: [] };
  }

  #literalText(type: ValueType): string {
    switch (type.kind) {
      case 'boolean':
        return this.#pick(['true', 'false']);
      case 'long':
        return String(this.#pick(longsOf()));
      case 'string':
        return quoted(this.#pick(textsOf('string', this.#vocabulary)));
      case 'decimal':
      case 'datetime':
      case 'duration':
      case 'ipaddr':
        return `${type.kind === 'ipaddr' ? 'ip' : type.kind}(${quoted(this.#pick(textsOf(type.kind, this.#vocabulary)))})`;
      case 'entity':
        return this.#entity(type.type);
      case 'set':
        return `[${Array.from({ length: this.#pick([1, 2]) }, () => this.#literalText(type.element)).join(', ')}]`;
      case 'record': {
        const members = Array.from(
          type.attributes,
          ([name, each]) => `${nameText(name)}: ${this.#literalText(each.type)}`,
        );
        return `{${members.join(', ')}}`;
      }
      default:
        return type satisfies never;
    }
  }

  #entity(type: string): string {
    return entityText(new EntityReference(type, this.#pick(idsOf(this.#schema, type))));
  }
}

function parenthesized({ text, guards }: Typed): Typed {
  return { text: `(${text})`, guards };
}

/** A record literal has all its members: strict validation does not accept it for a record with optional attributes. */
function hasLiteral(type: ValueType): boolean {
  if (type.kind === 'set') return hasLiteral(type.element);
  if (type.kind !== 'record') return true;
  return Array.from(type.attributes.values()).every((attribute) => attribute.required && hasLiteral(attribute.type));
}

function isSameType(left: ValueType, right: ValueType): boolean {
  switch (left.kind) {
    case 'entity':
      return right.kind === 'entity' && left.type === right.type;
    case 'set':
      return right.kind === 'set' && isSameType(left.element, right.element);
    case 'record':
      return (
        right.kind === 'record' &&
        left.attributes.size === right.attributes.size &&
        Array.from(left.attributes).every(([name, { type, required }]) => {
          const other = right.attributes.get(name);
          return other !== undefined && other.required === required && isSameType(type, other.type);
        })
      );
    default:
      return left.kind === right.kind;
  }
}
