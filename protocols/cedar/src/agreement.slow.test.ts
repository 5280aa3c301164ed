import { checkParseContext, policyToJson } from '@cedar-policy/cedar-wasm/nodejs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePolicies } from './compile-policies.ts';
import { parseDatetime, parseDuration } from './datetime.ts';
import { parseDecimalValue } from './decimal.ts';
import { createEntitySnapshot } from './entity-snapshot.ts';
import { evaluate } from './evaluate.ts';
import { explain } from './explain.ts';
import { policies, requestUids } from './generated-policies.fixture.ts';
import { parseIpAddress } from './ip-address.ts';
import type { ParsedPolicy, ParsedPolicySet } from './parse-policy-set.ts';
import { readSchema } from './policy-schema.ts';
import { createReference } from './reference.ts';
import { schemaText } from './trading-policies.fixture.ts';
import { parseEntityUid } from './value.ts';

const schema = readSchema(schemaText);
if ('problems' in schema) throw new Error('the schema is valid');

/**
 * Policies of any kind, including ill-typed ones: for those that strict validation would refuse, the engines must still
 * agree.
 */
function unvalidated(texts: readonly string[]): ParsedPolicySet {
  if ('problems' in schema) throw new Error('the schema is valid');
  const policies = texts.map((text, index): ParsedPolicy => {
    const parsed = policyToJson(text);
    if (parsed.type === 'failure') throw new Error(`${text}: ${JSON.stringify(parsed.errors)}`);
    return { id: `p${index}`, effect: parsed.json.effect, annotations: {}, text, json: parsed.json };
  });
  return { policies, schema, warnings: [] };
}

const extension = (fn: string, arg: string) => ({ __extn: { fn, arg } });
const entities = createEntitySnapshot([
  {
    uid: { type: 'Person', id: 'a' },
    attrs: { s: 'abc', n: 3, r: { s: ['x', 1], n: { n: 7 } }, e: { __entity: { type: 'Desk', id: 'b' } } },
    parents: [{ type: 'Desk', id: 'b' }],
    tags: { s: 'tagged', n: 5, abc: ['x', 1], ['__proto__']: 'own', 'a*c': { s: 'abc' } },
  },
  { uid: { type: 'Person', id: 'b' }, attrs: { n: -1, s: [] }, parents: [] },
  {
    uid: { type: 'Desk', id: 'b' },
    attrs: { n: 3 },
    parents: [
      { type: 'Firm', id: 'c' },
      { type: 'Desk', id: 'd' },
    ],
  },
  {
    uid: { type: 'Desk', id: 'd' },
    attrs: {},
    parents: [],
    tags: { '': true, a: { __entity: { type: 'Firm', id: 'c' } } },
  },
  {
    uid: { type: 'Other::Person', id: 'a' },
    attrs: { 'a b': 1, ['__proto__']: 'own' },
    parents: [{ type: 'Person', id: 'a' }],
  },
  { uid: { type: 'Person', id: 'Zo\u{eb}😀\0' }, attrs: {}, parents: [{ type: 'Other::Person', id: 'Zo\u{eb}😀\0' }] },
]);
const context = {
  s: 'a*c',
  n: 9_007_199_254_740_991,
  b: true,
  l: [1, 2, 3, [1, 2], { n: 1 }, 'abc', { __entity: { type: 'Person', id: 'a' } }, -7, 0, extension('decimal', '1.50')],
  g: [{ __entity: { type: 'Firm', id: 'c' } }, { __entity: { type: 'Desk', id: 'x' } }],
  r: { s: 'abc', n: 1, r: { r: {} } },
  d: extension('decimal', '-12.3400'),
  i: extension('ip', '10.1.2.0/24'),
  t: extension('datetime', '1969-07-20T20:17:40.500Z'),
  u: extension('duration', '-36h'),
  e: { __entity: { type: 'Person', id: 'b' } },
  'a b': 3,
  1: [],
  // A computed name, so that it becomes a member.
  ['__proto__']: '\u{1F600}\\\0',
};

const someRequest = {
  principal: { type: 'Person', id: 'a' },
  action: { type: 'Action', id: 'order' },
  resource: { type: 'Desk', id: 'b' },
  context: {},
};

describe('generated policies', () => {
  it('get the same result as in the reference engine: decision, determining policies and errors', () => {
    const seen = { allow: 0, deny: 0, determining: 0, errors: 0 };
    fc.assert(
      fc.property(policies, fc.array(requestUids, { minLength: 3, maxLength: 3 }), (texts, requests) => {
        const parsed = unvalidated(texts);
        const compiled = compilePolicies(parsed.policies, parsed.schema);
        const reference = createReference(parsed);
        for (const uids of requests) {
          const got = evaluate(compiled, { ...uids, context, entities });
          const oracle = reference.evaluate({ ...uids, context, entities });
          const idsOf = (errors: typeof got.errors) => errors.map(({ policyId }) => policyId);
          expect([got.decision, got.determining, idsOf(got.errors)]).toEqual([
            oracle.decision,
            oracle.determining,
            idsOf(oracle.errors),
          ]);
          // Explained part by part, every policy must have the same outcome as a whole.
          const outcomes = explain(parsed, { ...uids, context, entities });
          const having = (outcome: string) => outcomes.filter((each) => each.outcome === outcome);
          expect(having('error').map(({ policyId }) => policyId)).toEqual(idsOf(got.errors));
          const satisfied = having('satisfied');
          const forbidding = satisfied.filter(({ effect }) => effect === 'forbid');
          expect((forbidding.length > 0 ? forbidding : satisfied).map(({ policyId }) => policyId)).toEqual(
            got.determining,
          );
          seen[got.decision]++;
          seen.determining += got.determining.length;
          seen.errors += got.errors.length;
        }
      }),
      { numRuns: 700, seed: Number(process.env['CEDAR_SEED'] ?? 4) },
    );
    // The generator must keep reaching all three outcomes, or the property says little.
    for (const times of Object.values(seen)) expect(times).toBeGreaterThan(200);
  }, 300_000);
});

describe('like', () => {
  it('matches as the reference engine does, for every short text and every short pattern', () => {
    const words = (alphabet: readonly string[], length: number): readonly string[] =>
      length === 0
        ? ['']
        : ['', ...words(alphabet, length - 1).flatMap((word) => alphabet.map((letter) => letter + word))];
    const cases = Array.from(new Set(words(['a', '😀'], 4))).flatMap((text) =>
      Array.from(new Set(words(['a', '😀', '*'], 4)), (pattern) => `"${text}" like "${pattern}"`),
    );
    const parsed = unvalidated(cases.map((condition) => `permit (principal, action, resource) when { ${condition} };`));
    const anyone = { ...someRequest, entities };
    const got = evaluate(compilePolicies(parsed.policies, parsed.schema), anyone).determining;
    expect(got).toEqual(createReference(parsed).evaluate(anyone).determining);
    expect(cases).toHaveLength(31 * 121);
    expect(got.length).toBeGreaterThan(500);
  });
});

const digits = (from: number, to: number) =>
  fc.array(fc.constantFrom(...'00123456789'), { minLength: from, maxLength: to }).map((array) => array.join(''));
const decimalLike = fc
  .tuple(fc.constantFrom('', '', '-', '+'), digits(0, 17), fc.constantFrom('.', '.', ''), digits(0, 5))
  .map((parts) => parts.join(''));
const durationEdges = [
  '-9223372036854775808ms',
  '9223372036854775808ms',
  '106751991167d7h12m55s807ms',
  '00000000000000000000001ms',
];
const durationParts = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.array(fc.tuple(digits(0, 12), fc.constantFrom('d', 'h', 'm', 's', 'ms', '')), { maxLength: 5 }),
  )
  .map(([sign, parts]) => sign + parts.map((part) => part.join('')).join(''));
const durationLike = fc.oneof({ arbitrary: durationParts, weight: 9 }, fc.constantFrom(...durationEdges));
const field = (highest: number, width = 2) =>
  fc.integer({ min: 0, max: highest }).map((value) => `${value}`.padStart(width, '0'));
const datetimeLike = fc
  .tuple(
    fc.tuple(
      fc.constantFrom('0000', '0001', '0099', '1600', '1900', '1970', '2000', '2024', '9999', '10000'),
      field(13),
      field(32),
    ),
    fc.option(fc.tuple(field(25), field(61), field(61)), { freq: 4 }),
    fc.constantFrom('', '.000', '.999', '.12'),
    fc.oneof(
      fc.constantFrom('Z', '', 'z'),
      fc.tuple(fc.constantFrom('+', '-'), field(25), field(61)).map((parts) => parts.join('')),
    ),
  )
  .map(
    ([date, time, fraction, zone]) => date.join('-') + (time === null ? '' : `T${time.join(':')}${fraction}${zone}`),
  );
const group = fc.constantFrom('0', '1', 'ff', 'FFFF', 'ab12', '00000', '0001', '');
const ipLike = fc
  .tuple(
    fc.oneof(
      fc
        .array(fc.constantFrom('0', '1', '10', '127', '224', '255', '256', '01', ''), { minLength: 3, maxLength: 5 })
        .map((parts) => parts.join('.')),
      fc.array(group, { minLength: 1, maxLength: 9 }).map((parts) => parts.join(':')),
      fc
        .tuple(fc.array(group, { maxLength: 7 }), fc.array(group, { maxLength: 7 }))
        .map(([head, tail]) => `${head.join(':')}::${tail.join(':')}`),
      fc.constantFrom('::ffff:1.2.3.4', '::', '::1%eth0', '1:2:3:4:5:6:7::', '::2:3:4:5:6:7:8'),
    ),
    fc.constantFrom('', '', '/0', '/8', '/32', '/33', '/64', '/128', '/129', '/08', '/+8', '/', '/8/8'),
  )
  .map((parts) => parts.join(''));

describe('texts of extension values', () => {
  // How each value is written back, as an expression that gives the same value.
  const kinds = {
    decimal: {
      texts: decimalLike,
      rewrite: (text: string) => rewritten(parseDecimalValue(text), (decimal) => `decimal("${decimal}")`),
    },
    ip: { texts: ipLike, rewrite: (text: string) => rewritten(parseIpAddress(text), (address) => `ip("${address}")`) },
    duration: {
      texts: durationLike,
      rewrite: (text: string) => rewritten(parseDuration(text), ({ milliseconds }) => `duration("${milliseconds}ms")`),
    },
    datetime: {
      texts: datetimeLike,
      rewrite: (text: string) =>
        rewritten(parseDatetime(text), (at) => `datetime("1970-01-01").offset(duration("${at.epochMilliseconds}ms"))`),
    },
  };

  it.each(Object.entries(kinds))('of %s are read or refused as in the reference engine', (fn, { texts, rewrite }) => {
    const read = Array.from(new Set(fc.sample(texts, { numRuns: 1500, seed: 4 })), (text) => ({
      text,
      value: rewrite(text),
    }));
    // Satisfied if the text is the value we read from it; an error if the engine refuses the text.
    const policies = read.map(
      ({ text, value }) =>
        `permit (principal, action, resource) when { ${fn}(${JSON.stringify(text)}) == ${value ?? 0} };`,
    );
    const { determining, errors } = createReference(unvalidated(policies)).evaluate({
      principal: { type: 'Person', id: 'a' },
      action: { type: 'Action', id: 'order' },
      resource: { type: 'Desk', id: 'b' },
      context: {},
      entities,
    });
    const textOf = (policyId: string) => read[Number(policyId.slice(1))]?.text;
    const accepted = read.filter(({ value }) => value !== undefined).map(({ text }) => text);
    const refused = read.filter(({ value }) => value === undefined).map(({ text }) => text);
    expect(determining.map(textOf)).toEqual(accepted);
    expect(errors.map(({ policyId }) => textOf(policyId))).toEqual(refused);
    expect(accepted.length).toBeGreaterThan(50);
    expect(refused.length).toBeGreaterThan(50);
  });
});

describe('names of entity types', () => {
  const names = [
    ...['true', 'false', 'if', 'then', 'else', 'in', 'is', 'like', 'has', '__cedar'],
    ...['True', 'when', 'permit', 'principal', 'context', 'Set', 'Long', '_', '__', '_1', 'Zo\u{eb}', '1A', 'A B', ''],
  ];

  it.each(names.flatMap((name) => [name, `A::${name}`, `${name}::A`, `A::${name}::A`]))(
    'are read or refused as in the reference engine: %s',
    (type) => {
      const { type: outcome } = checkParseContext({ context: { e: { __entity: { type, id: 'a' } } } });
      expect(parseEntityUid({ type, id: 'a' }) !== undefined).toBe(outcome === 'success');
    },
  );
});

function rewritten<Kind>(value: Kind | undefined, write: (value: Kind) => string): string | undefined {
  return value === undefined ? undefined : write(value);
}
