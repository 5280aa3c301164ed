import { isCodedError } from '@countersign/kernel';
import { describe, expect, it } from 'vitest';
import {
  compile,
  createEntitySnapshot,
  createReference,
  examinePolicySet,
  type PolicyProblem,
  parsePolicySet,
} from './index.ts';
import { policiesText, schemaText } from './trading-policies.fixture.ts';

/** The problems for which a text is refused; none if it is accepted. */
function problemsOf(policies: string, schema = schemaText): readonly PolicyProblem[] {
  try {
    parsePolicySet(policies, schema);
    return [];
  } catch (error) {
    if (!isCodedError(error, 'policy_set_refused')) throw error;
    return error.facts?.['problems'] as readonly PolicyProblem[];
  }
}

const when = (condition: string): string => `@id("p") permit (principal, action, resource) when { ${condition} };`;

describe('publishing policies', () => {
  it('keeps ids, effects, annotations and texts in the order of the text', () => {
    const { policies } = parsePolicySet(policiesText, schemaText);
    expect(policies.map(({ id, effect }) => `${effect} ${id}`)).toEqual([
      'permit own-desk',
      'permit approved',
      'forbid over-limit',
      'forbid too-many-units',
      'forbid outside',
      'permit read-reports',
    ]);
    expect(policies[2]?.annotations).toEqual({ id: 'over-limit', note: 'numbers in the unit of the account' });
    for (const { text } of policies) expect(policiesText).toContain(text);
  });

  it('asks the engine once about the same texts, and returns immutable results', () => {
    const [first, again] = [examinePolicySet(policiesText, schemaText), examinePolicySet(policiesText, schemaText)];
    expect(again).toBe(first);
    const [policy] = first.policies;
    expect([first, first.schema.json, first.policies, policy, policy?.json.conditions].every(Object.isFrozen)).toBe(
      true,
    );
    expect(examinePolicySet(`${policiesText} `, schemaText)).not.toBe(first);
    expect(examinePolicySet(policiesText, `${schemaText} `)).not.toBe(first);
  });

  it('reads a text again if it is older than the last four', () => {
    const setOf = (id: number) => examinePolicySet(`@id("p${id}") permit (principal, action, resource);`, schemaText);
    const [oldest, ...later] = [setOf(0), setOf(1), setOf(2), setOf(3)];
    expect(setOf(0)).toBe(oldest);
    setOf(4);
    expect(setOf(0)).toBe(oldest);
    expect(setOf(1)).not.toBe(later[0]);
  });

  it('keeps the order when there are more than ten', () => {
    const ids = Array.from({ length: 25 }, (_, index) => `policy${(index * 7) % 25}`);
    const text = ids.map((id) => `@id("${id}") permit (principal, action, resource);`).join('\n');
    expect(parsePolicySet(text, schemaText).policies.map(({ id }) => id)).toEqual(ids);
  });

  it('accepts an empty set, which denies everything', () => {
    expect(compile(parsePolicySet('// nothing yet', schemaText)).policyIds).toEqual([]);
  });

  it('refuses a policy without @id, and one with an @id that is empty, odd or used twice', () => {
    const policy = 'permit (principal, action, resource);';
    const text = `${policy} @id ${policy} @id("a b") ${policy} @id("x") ${policy} @id("x") ${policy}`;
    const problems = problemsOf(text);
    expect(problems.map(({ message }) => message.slice(0, 22))).toEqual([
      'the policy has no @id(',
      'the policy has no @id(',
      'the @id is longer than',
      'the @id is used twice',
    ]);
    expect(problems.at(-1)).toMatchObject({ policyId: 'x', start: text.lastIndexOf('@id("x")'), end: text.length });
  });

  it.each([
    ['an unknown attribute', 'principal.colour == "red"', 'colour'],
    ['an optional attribute that was not tested for', 'principal.limit.lessThan(decimal("1.0"))', 'optional'],
    ['operands of the wrong type', 'principal.level == "high"', ''],
    ['a decimal with five places', 'decimal("0.00001") == decimal("0.0")', 'decimal'],
    ['an unknown entity type', 'principal in Group::"x"', 'Group'],
  ])('refuses %s by strict validation, naming the policy and the position', (_, condition, word) => {
    const text = `// é, which is one character and two bytes\n${when(`resource is Order && ${condition}`)}`;
    const [problem] = problemsOf(text);
    expect(problem).toMatchObject({ source: 'policies', policyId: 'p', message: expect.stringContaining(word) });
    expect(condition).toContain(text.slice(problem?.start, problem?.end));
    expect(problem?.end).toBeGreaterThan(problem?.start ?? Number.POSITIVE_INFINITY);
  });

  it('reports all problems at once', () => {
    const text = `@id("a") permit (principal, action, resource) when { principal.x };
      @id("b") permit (principal, action, resource) when { principal.y };`;
    expect(new Set(problemsOf(text).map(({ policyId }) => policyId))).toEqual(new Set(['a', 'b']));
  });

  it('refuses text that does not parse, with the position', () => {
    const text = `${when('true')} permit (principal`;
    expect(problemsOf(text)).toMatchObject([{ source: 'policies', start: text.length }]);
    expect(problemsOf(when('true'), `${schemaText} entity`)).toMatchObject([{ source: 'schema' }]);
    expect(problemsOf(when('true'), 'entity A in [Nowhere];')).toMatchObject([{ source: 'schema' }]);
  });

  it('refuses actions that contain themselves, which the parser accepts', () => {
    const problems = problemsOf('', 'action "a" in ["b"]; action "b" in ["a"];');
    expect(problems).toMatchObject([{ source: 'schema', message: expect.stringContaining('its own ancestor') }]);
  });

  it.each([
    ['9007199254740991', 0],
    ['-9007199254740991', 0],
    ['9007199254740993', 0],
    ['-9007199254740993', 0],
    ['9223372036854775807', 0],
    ['-9223372036854775808', 0],
    ['9223372036854775808', 1],
    ['-9223372036854775809', 1],
  ])('accepts the integer %s within 64 bits', (integer, refusals) => {
    const problems = problemsOf(
      when(`principal.level == ${integer} || "9223372036854775809" == "" // 9223372036854775809\n`),
    );
    expect(problems).toHaveLength(refusals);
    if (refusals > 0) expect(problems[0]?.message).toContain('too large');
  });

  it.each([
    ['a template', '@id("t") permit (principal == ?principal, action, resource);', 'template'],
    ['an unknown function', when('foo("x")'), 'foo'],
    ['a lone surrogate', when('"\ud800" == ""'), 'well-formed'],
    ['a text past the limit', `// ${'x'.repeat(1_100_000)}`, 'longer'],
  ])('refuses %s', (_, text, word) => {
    expect(problemsOf(text)).toMatchObject([{ message: expect.stringContaining(word) }]);
  });

  it('refuses a construct without an exact meaning at compilation, naming the policy', () => {
    const parsed = parsePolicySet(when('true'), schemaText);
    const [policy] = parsed.policies;
    if (policy === undefined) throw new Error('one policy was given');
    for (const body of [
      { unknown: [{ Value: 'x' }] },
      { Slot: '?principal' },
      { '&&': { left: { Value: true } } },
      {},
    ]) {
      const json = { ...policy.json, conditions: [{ kind: 'when', body }] } as unknown as typeof policy.json;
      expect(() => compile({ ...parsed, policies: [{ ...policy, json }] })).toThrow(
        expect.objectContaining({
          code: 'policy_unsupported',
          facts: { problems: [expect.objectContaining({ policyId: 'p' })] },
        }),
      );
    }
  });
});

describe('nesting', () => {
  const shapes: Readonly<Record<string, (size: number) => string>> = {
    parentheses: (size) => `${'('.repeat(size)}true${')'.repeat(size)}`,
    sets: (size) => `${'['.repeat(size)}1${']'.repeat(size)} == ${'['.repeat(size)}1${']'.repeat(size)}`,
    records: (size) => `${'{a:'.repeat(size)}1${'}'.repeat(size)} == ${'{a:'.repeat(size)}1${'}'.repeat(size)}`,
    'calls in calls': (size) => `${'[true].contains('.repeat(size)}true${')'.repeat(size)}`,
    negations: (size) => `${'!('.repeat(size)}true${')'.repeat(size)}`,
    'one in the other': (size) => `${'(if true then (true && '.repeat(size)}true${') else true)'.repeat(size)}`,
    conjunctions: (size) => `${'principal is Person && '.repeat(size)}true`,
    disjunctions: (size) => `${'principal is Desk || '.repeat(size)}true`,
    sums: (size) => `${'1 + '.repeat(size)}1 > 0`,
    products: (size) => `${'1 * '.repeat(size)}1 > 0`,
    methods: (size) => `datetime("2024-01-01")${'.toDate()'.repeat(size)} == datetime("2024-01-01")`,
    attributes: (size) => `{a: 1} has a${'.a'.repeat(size)} || true`,
    alternatives: (size) => `${'if principal is Desk then true else '.repeat(size)}true`,
    conditions: (size) => `${'if '.repeat(size)}true${' then true else true'.repeat(size)}`,
  };
  const anyone = {
    principal: { type: 'Person', id: 'ada' },
    action: { type: 'Action', id: 'order:create' },
    resource: { type: 'Order', id: 'o' },
    context: {},
    entities: createEntitySnapshot([]),
  };

  // A trap leaves the engine broken for the rest of the process, so this also protects every test after it.
  it.each(Object.entries(shapes))('of %s is refused before the reference parser would trap', (_, shape) => {
    const refused = (size: number): boolean =>
      problemsOf(when(shape(size))).some(({ message }) => /nested deeper|operators deep/.test(message));
    const largest = Array.from({ length: 100 }, (_, index) => 100 - index).find((size) => !refused(size));
    expect(largest).toBeGreaterThan(10);
    expect(refused(100)).toBe(true);
    expect(refused(10_000)).toBe(true);
    const text = `@id("p") permit (principal, action == Action::"order:create", resource) when { ${shape(largest ?? 0)} };`;
    if (problemsOf(text).length > 0) return;
    const parsed = parsePolicySet(text, schemaText);
    compile(parsed);
    expect(createReference(parsed).evaluate(anyone).errors).toEqual([]);
  });

  it('of types in a schema is refused before the reference parser would trap', () => {
    const set = (size: number): string => `entity A { a: ${'Set<'.repeat(size)}Long${'>'.repeat(size)} };`;
    const record = (size: number): string => `entity A { a: ${'{a:'.repeat(size)}Long${'}'.repeat(size)} };`;
    expect(problemsOf('', set(40))).toEqual([]);
    expect(problemsOf('', record(30))).toEqual([]);
    for (const schema of [set(200), record(200), set(20_000), record(20_000)]) {
      expect(problemsOf('', schema)).toMatchObject([{ source: 'schema', message: expect.stringMatching(/deep/) }]);
    }
  });

  it('accepts long flat policies', () => {
    const ids = Array.from({ length: 2_000 }, (_, index) => `Person::"p${index}"`).join(', ');
    const many = Array.from({ length: 40 }, (_, index) => `context.venue != "X${index}"`).join(' && ');
    const text = `@id("p") permit (principal, action == Action::"order:create", resource) when { ${many} && [${ids}].contains(principal) };`;
    expect(problemsOf(text)).toEqual([]);
  });
});
