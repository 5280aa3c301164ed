/** One of several conditions that must all hold. Comparisons are normalised, so that equal ones have equal text. */
export interface Literal {
  readonly holds: boolean;
  readonly text: string;
  readonly expression: unknown;
  /** The alternatives of a disjunction, each as a conjunction. */
  readonly anyOf?: readonly (readonly Literal[])[];
}

interface Conditioned {
  readonly conditions: readonly { readonly kind: 'when' | 'unless'; readonly body: unknown }[];
}

export function conjunctsOf({ conditions }: Conditioned): readonly Literal[] {
  return conditions.flatMap(({ kind, body }) => flattened(body, kind === 'when'));
}

/** Comparisons that are stored as the negation of another. */
const opposites: Readonly<Record<string, string>> = { '!=': '==', '>=': '<', '>': '<=' };

function flattened(expression: unknown, holds: boolean): readonly Literal[] {
  const [operator, body] = operationIn(expression);
  if (operator === '!') return flattened(membersOf(body)['arg'], !holds);
  const opposite = opposites[operator];
  if (opposite !== undefined) return flattened({ [opposite]: body }, !holds);
  const text = textOf(expression);
  if (operator !== '&&' && operator !== '||') return [{ holds, text, expression }];
  const { left, right } = membersOf(body);
  const parts = [flattened(left, holds), flattened(right, holds)];
  const all = (operator === '&&') === holds;
  return all ? parts.flat() : [{ holds, text, expression, anyOf: parts }];
}

function operationIn(expression: unknown): readonly [string, unknown] {
  const [first] = isPlainRecord(expression) ? Object.entries(expression) : [];
  return first ?? ['', undefined];
}

/** Whether it always or never holds at this place; undefined if that depends on more. */
export function truthIn({ expression, holds }: Literal, place: Place): boolean | undefined {
  const truth = truthOf(expression, place);
  return truth === undefined ? undefined : truth === holds;
}

function truthOf(expression: unknown, place: Place | undefined): boolean | undefined {
  const [operator, body] = operationIn(expression);
  const { left, right, arg } = membersOf(body);
  const of = (each: unknown) => truthOf(each, place);
  const opposite = opposites[operator];
  const negated = opposite === undefined ? (operator === '!' ? arg : undefined) : { [opposite]: body };
  if (negated !== undefined) {
    const truth = of(negated);
    return truth === undefined ? undefined : !truth;
  }
  switch (operator) {
    case 'Value':
      return typeof body === 'boolean' ? body : undefined;
    case '&&':
    case '||': {
      const decisive = operator === '||';
      const truths = [of(left), of(right)];
      if (truths.includes(decisive)) return decisive;
      return truths.includes(undefined) ? undefined : !decisive;
    }
    case 'is': {
      const variable = variableIn(left);
      if (place === undefined || (variable !== 'principal' && variable !== 'resource')) return undefined;
      return place[variable] === membersOf(body)['entity_type'];
    }
    case '==': {
      const [one, other] = [constantIn(left, place), constantIn(right, place)];
      return one === undefined || other === undefined ? undefined : one === other;
    }
    case '<':
    case '<=': {
      const [one, other] = [left, right].map((each) => numberIn(constantIn(each, place) ?? ''));
      if (one === undefined || other === undefined) return undefined;
      return operator === '<' ? one < other : one <= other;
    }
    case 'contains':
      return containing(left, right, place);
    default:
      return undefined;
  }
}

function containing(set: unknown, element: unknown, place: Place | undefined): boolean | undefined {
  const values = membersInSet(set)?.map((each) => constantIn(each, place));
  const wanted = constantIn(element, place);
  if (values === undefined || wanted === undefined || values.includes(undefined)) return undefined;
  return values.includes(wanted);
}

function membersInSet(set: unknown): readonly unknown[] | undefined {
  const [operator, body] = operationIn(set);
  return operator === 'Set' && Array.isArray(body) ? body : undefined;
}

function textOf(expression: unknown): string {
  if (typeof expression === 'bigint') return String(expression);
  return JSON.stringify(expression, (_, value: unknown) =>
    typeof value === 'bigint' ? { integer: String(value) } : value,
  );
}

/** The exact Long of a text. */
function numberIn(text: string): bigint | undefined {
  return /^-?\d+$/.test(text) ? BigInt(text) : undefined;
}

function constantIn(expression: unknown, place: Place | undefined): string | undefined {
  const [operator, body] = operationIn(expression);
  if (operator === 'Value') return textOf(body);
  if (place !== undefined && variableIn(expression) === 'action')
    return JSON.stringify({ __entity: { type: 'Action', id: place.action } });
  return undefined;
}

function variableIn(expression: unknown): unknown {
  const [operator, body] = operationIn(expression);
  return operator === 'Var' ? body : undefined;
}

export function contradictionIn(literals: readonly Literal[]): string | undefined {
  const known = new Map<string, boolean>();
  for (const { text, holds, expression } of literals) {
    if (truthOf(expression, undefined) === !holds) return 'one of them is never true';
    if (known.get(text) === !holds) return 'one of them is the opposite of another';
    known.set(text, holds);
  }
  return contradictingValues(literals) ?? contradictingRanges(literals);
}

/** `x == "a"` and `x == "b"`, or `x == "a"` and `["b", "c"].contains(x)`. */
function contradictingValues(literals: readonly Literal[]): string | undefined {
  const possible = new Map<string, ReadonlySet<string>>();
  for (const { expression, holds } of literals) {
    if (!holds) continue;
    const [operator, body] = operationIn(expression);
    const { left, right } = membersOf(body);
    const found =
      operator === '=='
        ? (valuesOf(left, [right]) ?? valuesOf(right, [left]))
        : operator === 'contains'
          ? valuesOf(right, membersInSet(left))
          : undefined;
    if (found === undefined) continue;
    const before = possible.get(found.of);
    const remaining =
      before === undefined ? found.values : new Set([...found.values].filter((each) => before.has(each)));
    if (remaining.size === 0) return 'two of them ask for different values of the same thing';
    possible.set(found.of, remaining);
  }
  return undefined;
}

function valuesOf(
  thing: unknown,
  values: readonly unknown[] | undefined,
): { readonly of: string; readonly values: ReadonlySet<string> } | undefined {
  const constants = values?.map((each) => constantIn(each, undefined));
  if (constants === undefined || constantIn(thing, undefined) !== undefined) return undefined;
  const known = constants.filter((each) => each !== undefined);
  return known.length === constants.length ? { of: textOf(thing), values: new Set(known) } : undefined;
}

const decimals: Readonly<Record<string, { readonly operator: '<' | '<='; readonly opposite: boolean }>> = {
  lessThan: { operator: '<', opposite: false },
  lessThanOrEqual: { operator: '<=', opposite: false },
  greaterThan: { operator: '<=', opposite: true },
  greaterThanOrEqual: { operator: '<', opposite: true },
};

/** `x >= 5` and `x < 3`, for integers and decimals. */
function contradictingRanges(literals: readonly Literal[]): string | undefined {
  const ranges = new Map<
    string,
    { least: number | bigint; leastOpen: boolean; most: number | bigint; mostOpen: boolean }
  >();
  for (const { expression, holds } of literals) {
    const limit = limitIn(expression);
    if (limit === undefined) continue;
    const range = ranges.get(limit.of) ?? {
      least: Number.NEGATIVE_INFINITY,
      leastOpen: false,
      most: Number.POSITIVE_INFINITY,
      mostOpen: false,
    };
    const atMost = holds !== limit.opposite;
    // `x < 3` excludes 3; its opposite, `x >= 3`, includes it.
    const open = atMost ? limit.operator === '<' : limit.operator === '<=';
    if (atMost && limit.value <= range.most) Object.assign(range, { most: limit.value, mostOpen: open });
    if (!atMost && limit.value >= range.least) Object.assign(range, { least: limit.value, leastOpen: open });
    if (range.least > range.most || (range.least === range.most && (range.leastOpen || range.mostOpen)))
      return 'two of them leave no number between them';
    ranges.set(limit.of, range);
  }
  return undefined;
}

function limitIn(expression: unknown) {
  const [operator, body] = operationIn(expression);
  if (operator === '<' || operator === '<=') {
    const { left, right } = membersOf(body);
    const value = constantIn(right, undefined);
    const number = numberIn(value ?? '');
    return number === undefined ? undefined : { of: textOf(left), operator, opposite: false, value: number };
  }
  const compared = Object.hasOwn(decimals, operator) ? decimals[operator] : undefined;
  if (compared === undefined || !Array.isArray(body)) return undefined;
  const [name, written] = operationIn(body[1]);
  const text = name === 'decimal' && Array.isArray(written) ? constantIn(written[0], undefined) : undefined;
  return text === undefined ? undefined : { of: textOf(body[0]), ...compared, value: Number(JSON.parse(text)) };
}

/** Whether an expression reads authority: attributes or groups of the principal, the mandate, or the scopes of the token. */
export function readsAuthority(expression: unknown): boolean {
  if (Array.isArray(expression)) return expression.some(readsAuthority);
  if (!isPlainRecord(expression)) return false;
  const [operator, body] = operationIn(expression);
  const { left, attr } = membersOf(body);
  if (operator === '.' || operator === 'has') {
    const variable = variableIn(left);
    if (variable === 'principal') return operator === '.';
    if (variable === 'context' && (attr === 'mandateInForce' || attr === 'scopes')) return true;
  }
  if (operator === 'in' && variableIn(left) === 'principal') return true;
  return Object.values(expression).some(readsAuthority);
}

export interface Place {
  readonly action: string;
  readonly principal: string;
  readonly resource: string;
}

function isPlainRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return isPlainRecord(value) ? value : {};
}
