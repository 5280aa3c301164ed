// Arbitrary policies for the tests of this room: mostly well-typed, so that operators get past their type checks,
// and sometimes not, so that the checks are met as well.
import fc from 'fast-check';

const types = ['bool', 'long', 'string', 'set', 'record', 'entity', 'decimal', 'ip', 'datetime', 'duration'] as const;
type Type = (typeof types)[number];

const quoted = (fn: string, ...texts: string[]) => fc.constantFrom(...texts.map((text) => `${fn}("${text}")`));
export const ids = ['a', 'b', 'c', 'd'];
export const entityText = fc
  .tuple(
    fc.constantFrom('Person', 'Desk', 'Firm', 'Action', 'Other::Person'),
    fc.constantFrom(...ids, 'order', 'order:create', 'Zo\\u{eb}😀\\0'),
  )
  .map(([type, id]) => `${type}::"${id}"`);

const leaves: Readonly<Record<Type, fc.Arbitrary<string>>> = {
  bool: fc.constantFrom(
    'true',
    'false',
    'context.b',
    '(principal has s)',
    '(principal in Desk::"b")',
    '((false || 1) == 1)',
    '((true && 1) == 1)',
  ),
  long: fc.constantFrom('0', '1', '3', '-1', '1024', '9007199254740991', 'context.n', 'principal.n', 'context.r.n'),
  string: fc.constantFrom(
    '"abc"',
    '"a*c"',
    '""',
    '"aab"',
    '"xby"',
    '"ab"',
    '"a"',
    '"__proto__"',
    '"\\u{1F600}\\\\\\0"',
    'context.s',
    'principal.s',
    'context.r.s',
    'context["__proto__"]',
  ),
  set: fc.constantFrom(
    '[Desk::"b", 1]',
    '[Desk::"b", Firm::"c"]',
    '[]',
    '[1, 2]',
    '[[2, 1], [1, 2, 1]]',
    '[[1, 2]]',
    'context.l',
    'context.g',
    'principal.s',
  ),
  record: fc.constantFrom(
    '{}',
    '{n: 1}',
    '{n: 1, s: "abc"}',
    '{s: "abc", n: 1}',
    '{"1": 1, "__proto__": 2, "a b": 3}',
    '{"a b": 3, "1": 1, "__proto__": 2}',
    '{"__entity": {"type": "Person", "id": "a"}}',
    'context',
    'context.r',
    'principal.r',
  ),
  entity: fc.oneof(fc.constantFrom('principal', 'action', 'resource', 'context.e', 'principal.e'), entityText),
  decimal: fc.oneof(quoted('decimal', '1.5', '1.50', '-12.34', '922337203685477.5807', '1'), fc.constant('context.d')),
  ip: fc.oneof(
    quoted('ip', '10.0.0.0/8', '10.1.2.3', '10.1.2.255', '127.0.0.1', '127.0.0.0/7', '224.0.0.1', '224.0.0.0/3', 'no'),
    quoted('ip', '::1', '::1/127', 'ff02::1', 'ff02::1/7', '10.1.2.3/32', '10.1.2.0/25'),
    quoted('ip', '::ffff:a01:203', '::/0', '0.0.0.0/0', '10.1.2.3/8', '10.9.9.9/8'),
    fc.constant('context.i'),
  ),
  datetime: fc.oneof(
    quoted('datetime', '2024-02-29', '1969-12-31T23:59:59.999Z', '1969-12-31', '2023-02-29', '0000-01-01'),
    quoted('datetime', '1970-01-01T00:00:00+0530', '1970-01-01T05:30:00Z', '9999-12-31T23:59:59.999-2359'),
    fc.constant('context.t'),
  ),
  duration: fc.oneof(
    quoted('duration', '1d', '-36h', '-1ms', '9223372036854775807ms', '-9223372036854775808ms', '90061001ms', '1w'),
    fc.constant('context.u'),
  ),
};

const attribute = fc.oneof(
  fc.constantFrom('s', 'n', 'b', 'l', 'g', 'r', 'd', 'i', 't', 'u', 'e', 'absent').map((name) => `.${name}`),
  fc.constantFrom('["a b"]', '["1"]', '["__proto__"]', '["constructor"]'),
);
const path = fc.oneof(
  fc.constantFrom('s', 'n', 'r', 'e', 'absent', 'r.s', 'r.n.n', 'r.r', 'e.n', 'n.n', 'e.e', 'r.r.r.r', 'e.absent.s'),
  fc.constantFrom('"a b"', '"1"', '"__proto__"', '"constructor"'),
);
const pattern = fc.constantFrom(
  '*',
  'a*',
  '*c',
  'a\\*c',
  '*b*',
  'abc',
  '',
  '**',
  'a*b*c*',
  'a*a',
  'a*ab',
  '*b*b',
  'ab*bc',
  '*\\u{1F600}*',
  '\\u{1F600}\\\\*',
  '*\\0',
  '__*__',
);

const expressions = fc.letrec<Readonly<Record<Type | 'any', string>>>((tie) => {
  const any = tie('any');
  const of = (type: Type) => fc.oneof({ arbitrary: tie(type), weight: 40 }, { arbitrary: any, weight: 1 });
  const infix = (left: Type, operators: readonly string[], right: Type) =>
    fc.tuple(of(left), fc.constantFrom(...operators), of(right)).map(([l, operator, r]) => `(${l} ${operator} ${r})`);
  const method = (receiver: Type, names: readonly string[]) =>
    fc.tuple(of(receiver), fc.constantFrom(...names)).map(([e, name]) => `${e}.${name}()`);
  const methodOf = (receiver: Type, names: readonly string[], argument: fc.Arbitrary<string>) =>
    fc.tuple(of(receiver), fc.constantFrom(...names), argument).map(([e, name, a]) => `${e}.${name}(${a})`);
  const member = fc.tuple(of('record'), attribute).map(([e, name]) => `${e}${name}`);
  const tag = fc.tuple(of('entity'), of('string')).map(([e, name]) => `${e}.getTag(${name})`);
  const same = (type: Type) => infix(type, ['==', '!='], type);
  /** A type's leaves, what makes values of it, and what makes values of any type. */
  const making = (type: Type, ...makers: fc.Arbitrary<string>[]) =>
    fc.oneof(
      { depthSize: 'small' },
      { arbitrary: leaves[type], weight: 6 },
      {
        arbitrary: fc.tuple(of('bool'), of(type), of(type)).map(([i, t, e]) => `(if ${i} then ${t} else ${e})`),
        weight: 1,
      },
      { arbitrary: member, weight: 1 },
      { arbitrary: tag, weight: 1 },
      ...makers.map((arbitrary) => ({ arbitrary, weight: 2 })),
    );
  return {
    bool: making(
      'bool',
      infix('bool', ['&&', '||'], 'bool'),
      of('bool').map((e) => `!(${e})`),
      infix('long', ['<', '<=', '>', '>='], 'long'),
      infix('datetime', ['<', '<=', '>', '>='], 'datetime'),
      infix('duration', ['<', '<=', '>', '>='], 'duration'),
      ...types.map(same),
      infix('entity', ['in'], 'entity'),
      infix('entity', ['in'], 'set'),
      fc
        .tuple(of('entity'), fc.constantFrom('Person', 'Desk', 'Action', 'Other::Person', 'Nothing'))
        .map(([e, type]) => `(${e} is ${type})`),
      fc
        .tuple(of('entity'), fc.constantFrom('Person', 'Desk'), fc.oneof(of('entity'), of('set')))
        .map(([e, type, group]) => `(${e} is ${type} in ${group})`),
      fc.tuple(fc.oneof(of('record'), of('entity')), path).map(([e, names]) => `(${e} has ${names})`),
      fc.tuple(of('string'), pattern).map(([e, text]) => `(${e} like "${text}")`),
      methodOf('set', ['contains'], any),
      methodOf('set', ['containsAll', 'containsAny'], of('set')),
      method('set', ['isEmpty']),
      methodOf('entity', ['hasTag'], of('string')),
      methodOf('decimal', ['lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual'], of('decimal')),
      method('ip', ['isIpv4', 'isIpv6', 'isLoopback', 'isMulticast']),
      methodOf('ip', ['isInRange'], of('ip')),
    ),
    long: making(
      'long',
      infix('long', ['+', '-', '*', '*'], 'long'),
      of('long').map((e) => `-(${e})`),
      method('duration', ['toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays']),
      fc.constant('principal.getTag("n")'),
    ),
    string: making('string', fc.constantFrom('principal.getTag("s")', 'resource.getTag("s")')),
    set: making(
      'set',
      fc.array(any, { maxLength: 10 }).map((items) => `[${items.join()}]`),
      fc.array(of('entity'), { maxLength: 10 }).map((items) => `[${items.join()}]`),
    ),
    record: making(
      'record',
      fc.tuple(any, any).map(([s, n]) => `{s: ${s}, n: ${n}}`),
      fc.tuple(any, any).map(([one, other]) => `{"__proto__": ${one}, "a b": ${other}}`),
    ),
    entity: making('entity'),
    decimal: making(
      'decimal',
      of('string').map((e) => `decimal(${e})`),
    ),
    ip: making(
      'ip',
      of('string').map((e) => `ip(${e})`),
    ),
    datetime: making('datetime', methodOf('datetime', ['offset'], of('duration')), method('datetime', ['toDate'])),
    duration: making(
      'duration',
      methodOf('datetime', ['durationSince'], of('datetime')),
      method('datetime', ['toTime']),
    ),
    any: fc.oneof(...types.map((type) => tie(type))),
  };
});

const scope = (name: string) =>
  fc.oneof(
    { arbitrary: fc.constant(name), weight: 4 },
    fc.tuple(fc.constantFrom('==', 'in'), entityText).map(([operator, entity]) => `${name} ${operator} ${entity}`),
    fc.tuple(fc.constantFrom('Person', 'Desk'), entityText).map(([type, entity]) => `${name} is ${type} in ${entity}`),
    fc.constantFrom('Person', 'Desk').map((type) => `${name} is ${type}`),
  );
const actionScope = fc.constantFrom(
  ...['action', 'action == Action::"order:create"', 'action in Action::"order"', 'action in []'],
  ...[
    'action in [Action::"order", Action::"report:read"]',
    'action == Action::"unheard"',
    'action in Action::"unheard"',
  ],
);

const policyOf = (...effects: readonly ('permit' | 'forbid')[]) =>
  fc
    .tuple(
      fc.constantFrom(...effects),
      scope('principal'),
      fc.oneof({ arbitrary: fc.constant('action'), weight: 3 }, actionScope),
      scope('resource'),
      fc.array(fc.tuple(fc.constantFrom('when', 'unless'), expressions.bool), { minLength: 1, maxLength: 2 }),
    )
    .map(([effect, principal, action, resource, clauses]) => {
      const conditions = clauses.map(([kind, body]) => `${kind} { ${body} }`).join(' ');
      return `${effect} (${principal}, ${action}, ${resource}) ${conditions};`;
    });

/**
 * Policies in Cedar's policy syntax. Half of the sets hold permits alone: there every satisfied policy is a
 * determining one, and shows.
 */
export const policies = fc.oneof(
  fc.array(policyOf('permit'), { minLength: 1, maxLength: 30, size: 'max' }),
  fc.array(policyOf('permit', 'forbid'), { minLength: 1, maxLength: 12, size: 'max' }),
);

const uid = (...of: string[]) => fc.record({ type: fc.constantFrom(...of), id: fc.constantFrom(...ids) });

/** Who, what and on which, among few enough that they often exist and are often named. */
export const requestUids = fc.record({
  principal: fc.oneof({ arbitrary: fc.constant({ type: 'Person', id: 'a' }), weight: 3 }, uid('Person', 'Desk')),
  action: fc.constantFrom('order:create', 'order', 'report:read', 'unheard').map((id) => ({ type: 'Action', id })),
  resource: uid('Desk', 'Person', 'Order'),
});
