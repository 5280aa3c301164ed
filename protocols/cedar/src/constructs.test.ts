import { type ExprNoExt, policyToJson } from '@cedar-policy/cedar-wasm/nodejs';
import { isCodedError } from '@countersign/kernel';
import { describe, expect, it } from 'vitest';
import { compilePolicies } from './compile-policies.ts';
import { createEntitySnapshot, createReference, evaluate, type PolicyProblem, parsePolicySet } from './index.ts';
import type { ParsedPolicySet } from './parse-policy-set.ts';
import { readSchema } from './policy-schema.ts';
import { schemaText } from './trading-policies.fixture.ts';

const schema = readSchema(schemaText);
if ('problems' in schema) throw new Error('the schema is valid');

const all = { op: 'All' };
const x = { Var: 'context' };
const policyOf = (change: object) => ({
  effect: 'permit',
  principal: all,
  action: all,
  resource: all,
  conditions: [],
  ...change,
});
const when = (body: unknown) => policyOf({ conditions: [{ kind: 'when', body }] });

/** Why the compiler refuses a policy in JSON form; undefined when it compiles it. */
function refusalOf(json: unknown): string | undefined {
  if (schema === undefined || 'problems' in schema) throw new Error('the schema is valid');
  try {
    compilePolicies([{ id: 'p', json }], schema);
    return undefined;
  } catch (error) {
    if (!isCodedError(error, 'policy_unsupported')) throw error;
    const problems = error.facts?.['problems'] as readonly PolicyProblem[] | undefined;
    return problems?.[0]?.message;
  }
}

type OperatorOf<Form> = Form extends unknown ? keyof Form : never;
const binary = { left: x, right: x };

/** The complete JSON policy form of Cedar: a version of the engine with more constructs does not pass the type check. */
const forms: Readonly<Record<OperatorOf<ExprNoExt>, { readonly body: unknown; readonly compiled: boolean }>> = {
  Value: { body: 1, compiled: true },
  Var: { body: 'principal', compiled: true },
  Slot: { body: '?principal', compiled: false },
  '!': { body: { arg: x }, compiled: true },
  neg: { body: { arg: x }, compiled: true },
  '==': { body: binary, compiled: true },
  '!=': { body: binary, compiled: true },
  in: { body: binary, compiled: true },
  '<': { body: binary, compiled: true },
  '<=': { body: binary, compiled: true },
  '>': { body: binary, compiled: true },
  '>=': { body: binary, compiled: true },
  '&&': { body: binary, compiled: true },
  '||': { body: binary, compiled: true },
  '+': { body: binary, compiled: true },
  '-': { body: binary, compiled: true },
  '*': { body: binary, compiled: true },
  contains: { body: binary, compiled: true },
  containsAll: { body: binary, compiled: true },
  containsAny: { body: binary, compiled: true },
  isEmpty: { body: { arg: x }, compiled: true },
  getTag: { body: binary, compiled: true },
  hasTag: { body: binary, compiled: true },
  '.': { body: { left: x, attr: 'a' }, compiled: true },
  has: { body: { left: x, attr: ['a', 'b'] }, compiled: true },
  like: { body: { left: x, pattern: ['Wildcard', { Literal: 'a' }] }, compiled: true },
  is: { body: { left: x, entity_type: 'Person', in: x }, compiled: true },
  'if-then-else': { body: Object.fromEntries(['if', 'then', 'else'].map((branch) => [branch, x])), compiled: true },
  Set: { body: [x], compiled: true },
  Record: { body: { a: x }, compiled: true },
};

describe('every construct of the JSON policy form', () => {
  it.each(Object.entries(forms))('%s is compiled or refused', (name, { body, compiled }) => {
    expect(refusalOf(when({ [name]: body })) === undefined).toBe(compiled);
  });

  it.each(Object.entries(forms).filter(([name]) => !['Value', 'Var', 'Slot', 'Set', 'Record'].includes(name)))(
    '%s is refused with an unknown member or a missing one',
    (name, { body }) => {
      const members = body as Readonly<Record<string, unknown>>;
      const [first = ''] = Object.keys(members);
      const { [first]: _, ...rest } = members;
      expect(refusalOf(when({ [name]: { ...members, strict: true } }))).toContain('members other than');
      expect(refusalOf(when({ [name]: rest }))).toContain('members other than');
    },
  );

  it.each<[string, unknown]>([
    ['an unknown of partial evaluation', when({ Unknown: { name: 'x' } })],
    ['a residual unknown', when({ unknown: [{ Value: 'x' }] })],
    ['an error expression', when({ error: [] })],
    ['an unknown function', when({ sqrt: [{ Value: 4 }] })],
    ['a function by the name of a property of every object', when({ constructor: [x] })],
    ['two operators at once', when({ '!': { arg: x }, neg: { arg: x } })],
    ['no operator', when({})],
    ['an invalid expression', when('true')],
    ['an unknown variable', when({ Var: 'principals' })],
    ['null', when({ Value: null })],
    ['an integer that was rounded', when({ Value: 2 ** 53 })],
    ['a fraction', when({ Value: 0.5 })],
    ['an expression in a value', when({ Value: { __expr: 'principal' } })],
    ['a pattern as text', when({ like: { left: x, pattern: 'a*' } })],
    ['an unknown piece of a pattern', when({ like: { left: x, pattern: ['AnyDigit'] } })],
    ['an attribute that is not a name', when({ '.': { left: x, attr: 1 } })],
    ['has without a name', when({ has: { left: x, attr: [] } })],
    ['a template: its principal is a slot', policyOf({ principal: { op: '==', slot: '?principal' } })],
    ['a template: its resource is in a slot', policyOf({ resource: { op: 'in', slot: '?resource' } })],
    [
      'a template: its principal is of a type in a slot',
      policyOf({ principal: { op: 'is', entity_type: 'Person', in: { slot: '?principal' } } }),
    ],
    ['an unknown scope', policyOf({ principal: { op: 'like', entity: { type: 'Person', id: 'a' } } })],
    ['an action scope by type', policyOf({ action: { op: 'is', entity_type: 'Action' } })],
    ['a clause that is neither when nor unless', policyOf({ conditions: [{ kind: 'advice', body: x }] })],
    ['an effect that is neither permit nor forbid', policyOf({ effect: 'audit' })],
    ['an unknown member', policyOf({ priority: 1 })],
  ])('is refused: %s', (_, json) => {
    expect(refusalOf(json)).toMatch(/^unsupported: /);
  });

  it.each([
    '@id("p") permit (principal == ?principal, action, resource);',
    '@id("p") permit (principal, action, resource in ?resource);',
    '@id("p") permit (principal is Person in ?principal, action, resource);',
  ])('templates are refused earlier, when they are published: %s', (text) => {
    expect(() => parsePolicySet(text, schemaText)).toThrow(expect.objectContaining({ code: 'policy_set_refused' }));
  });
});

describe('every extension function', () => {
  const values = {
    decimal: 'decimal("1.5")',
    ip: 'ip("10.1.2.3")',
    datetime: 'datetime("2026-11-20T09:30:00.123Z")',
    duration: 'duration("25h1ms")',
    text: '"1.5"',
  };
  const constructors = ['decimal', 'ip', 'datetime', 'duration'];
  const methods = [
    ...['lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual'],
    ...['isIpv4', 'isIpv6', 'isLoopback', 'isMulticast', 'isInRange'],
    ...['offset', 'durationSince', 'toDate', 'toTime'],
    ...['toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays'],
  ];
  // Any result can be told from an error: a value equals itself.
  const calls = [
    ...constructors.flatMap((name) => [
      `${name}()`,
      `${name}("1.5", "1.5")`,
      ...['1.5', '10.0.0.0/8', '2026-11-20', '36h'].map((text) => `${name}("${text}")`),
    ]),
    ...methods.flatMap((name) =>
      Object.values(values).flatMap((receiver) => [
        `${receiver}.${name}()`,
        ...Object.values(values).map((argument) => `${receiver}.${name}(${argument})`),
        `${receiver}.${name}(${receiver}, ${receiver})`,
        `${receiver}.${name}(${receiver}, ${receiver}, ${receiver})`,
      ]),
    ),
  ];

  it('gives the reference engine’s result or error, for every type and number of arguments', () => {
    if ('problems' in schema) throw new Error('the schema is valid');
    const policies = calls.map((call, index): ParsedPolicySet['policies'][number] => {
      const text = `permit (principal, action, resource) when { ${call} == ${call} };`;
      const parsed = policyToJson(text);
      if (parsed.type === 'failure') throw new Error(`${call}: ${JSON.stringify(parsed.errors)}`);
      return { id: `p${index}`, effect: 'permit', annotations: {}, text, json: parsed.json };
    });
    const request = {
      principal: { type: 'Person', id: 'a' },
      action: { type: 'Action', id: 'order:create' },
      resource: { type: 'Order', id: 'o' },
      context: {},
      entities: createEntitySnapshot([]),
    };
    const got = evaluate(compilePolicies(policies, schema), request);
    const oracle = createReference({ policies, schema, warnings: [] }).evaluate(request);
    const named = (ids: readonly string[]) => ids.map((id) => calls[Number(id.slice(1))]);
    expect(named(got.determining)).toEqual(named(oracle.determining));
    expect(named(got.errors.map(({ policyId }) => policyId))).toEqual(
      named(oracle.errors.map(({ policyId }) => policyId)),
    );
    // Each function succeeded at least once.
    const worked = named(got.determining).join('\n');
    for (const name of [...constructors, ...methods]) expect(worked).toContain(`${name}(`);
    expect(got.errors.length).toBeGreaterThan(500);
  });
});
