import { parseExactJson } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile, createEntitySnapshot, createReference, evaluate, explain, parsePolicySet } from './index.ts';

// Longs have 64 bits everywhere: in policy text, in data and in computed values.

const least = -(2n ** 63n);
const most = 2n ** 63n - 1n;
const schema =
  'entity Desk { limit: Long }; action use appliesTo { principal: Desk, resource: Desk, context: { size: Long } };';
const desk = { type: 'Desk', id: 'rates' };
const question = { principal: desk, action: { type: 'Action', id: 'use' }, resource: desk };
const long = fc.oneof(
  fc.bigInt({ min: least, max: most }),
  fc.constantFrom(least, least + 1n, most - 1n, most, -(2n ** 53n), 2n ** 53n, 2n ** 53n + 1n, 0n),
);
const near = fc.tuple(long, fc.constantFrom(-1n, 0n, 1n)).filter(([a, by]) => a + by >= least && a + by <= most);

function setOf(condition: string) {
  return parsePolicySet(`@id("p") permit (principal, action, resource) when { ${condition} };`, schema);
}
function ask(condition: string, size: unknown, limit: unknown = 0) {
  const entities = createEntitySnapshot([{ uid: desk, attrs: { limit }, parents: [] }]);
  return evaluate(compile(setOf(condition)), { ...question, context: { size }, entities });
}

describe('a Long of 64 bits', () => {
  it('in a policy is the number as written, as the engine reads it', () => {
    fc.assert(
      fc.property(near, ([value, by]) => {
        const parsed = setOf(`${value} < ${value + by} || [${value}].contains(${value + by})`);
        const entities = createEntitySnapshot([{ uid: desk, attrs: { limit: 0 }, parents: [] }]);
        const request = { ...question, context: { size: 0 }, entities };
        const expected = by >= 0n ? 'allow' : 'deny';
        expect(evaluate(compile(parsed), request).decision).toBe(expected);
        expect(createReference(parsed).evaluate(request).decision).toBe(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('is not confused with another number in the same policy', () => {
    const condition = `context.size == 9007199254740993 && 9007199254740991 != context.size && context.size != 9007199254740990`;
    expect(ask(condition, 2n ** 53n + 1n).decision).toBe('allow');
    expect(ask(condition, 2n ** 53n).decision).toBe('deny');
    expect(ask(condition, Number.MAX_SAFE_INTEGER).decision).toBe('deny');
  });

  it('in data is exact and has one form', () => {
    fc.assert(
      fc.property(near, ([value, by]) => {
        const equal = by === 0n ? 'allow' : 'deny';
        expect(ask('context.size == resource.limit', value, value + by).decision).toBe(equal);
        expect(ask(`context.size == ${value}`, value + by).decision).toBe(equal);
        if (value >= -(2n ** 53n) + 1n && value < 2n ** 53n)
          expect(ask('context.size == resource.limit', value, Number(value)).decision).toBe('allow');
      }),
      { numRuns: 100 },
    );
  });

  it('from JSON keeps every digit if it is parsed for that', () => {
    const read = parseExactJson('{"size":9223372036854775807,"limit":-9223372036854775808}');
    const { size, limit } = read.ok ? (read.value as { size: bigint; limit: bigint }) : { size: 0n, limit: 0n };
    expect(ask('context.size == 9223372036854775807 && resource.limit < 0', size, limit).decision).toBe('allow');
  });

  it.each([
    ['context.size + 1 > 0', most],
    ['context.size - 1 < 0', least],
    ['context.size * 2 > 0', 2n ** 62n],
    ['-context.size > 0', least],
    ['-(-9223372036854775808) > 0', 0n],
  ])('out of range is an error of the policy: %s', (condition, size) => {
    expect(ask(condition, size)).toMatchObject({ decision: 'deny', errors: [{ policyId: 'p' }] });
  });

  it('is explained in full', () => {
    const parsed = setOf('context.size < 9223372036854775807 && context.size > -9223372036854775808');
    const entities = createEntitySnapshot([{ uid: desk, attrs: { limit: 0 }, parents: [] }]);
    const [explained] = explain(parsed, { ...question, context: { size: most }, entities });
    expect(explained?.conditions).toMatchObject([
      { text: 'context.size < 9223372036854775807', met: false, values: [{ value: '9223372036854775807' }] },
      { text: 'context.size > -9223372036854775808', met: true },
    ]);
  });

  it('is refused if the engine or JSON would round it', () => {
    const parsed = setOf('context.size > 0');
    const entities = createEntitySnapshot([{ uid: desk, attrs: { limit: most }, parents: [] }]);
    expect(() => createReference(parsed).evaluate({ ...question, context: { size: 1 }, entities })).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^(?:reference_failed|long_not_json)$/) }),
    );
  });
});
