import { policyToJson } from '@cedar-policy/cedar-wasm/nodejs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { policies as generatedPolicies } from './generated-policies.fixture.ts';
import { createEntitySnapshot, explain, parsePolicySet } from './index.ts';
import { printExpression } from './print-expression.ts';
import { policiesText, schemaText } from './trading-policies.fixture.ts';

const parsed = parsePolicySet(policiesText, schemaText);
const decimal = (text: string) => ({ __extn: { fn: 'decimal', arg: text } });
const entities = createEntitySnapshot([
  {
    uid: { type: 'Person', id: 'ada' },
    attrs: { level: 3, suspended: false, limit: decimal('999.5') },
    parents: [{ type: 'Desk', id: 'rates' }],
  },
  {
    uid: { type: 'Order', id: 'o-1' },
    attrs: { currency: 'RUB', notional: decimal('1000.0'), quantity: 5 },
    parents: [{ type: 'Desk', id: 'rates' }],
  },
]);
const request = {
  principal: { type: 'Person', id: 'ada' },
  action: { type: 'Action', id: 'order:create' },
  resource: { type: 'Order', id: 'o-1' },
  context: {
    address: { __extn: { fn: 'ip', arg: '11.0.0.1' } },
    at: { __extn: { fn: 'datetime', arg: '2026-11-20T19:30:00Z' } },
    approvals: [{ __entity: { type: 'Person', id: 'grace' } }],
    venue: 'XLON',
  },
  entities,
};

describe('an explanation', () => {
  const explained = new Map(explain(parsed, request).map((each) => [each.policyId, each]));

  it('lists the policies whose scope the request matches, in the order of the text', () => {
    expect(Array.from(explained, ([id, { effect, outcome }]) => [id, effect, outcome])).toEqual([
      ['own-desk', 'permit', 'satisfied'],
      ['approved', 'permit', 'unsatisfied'],
      ['over-limit', 'forbid', 'satisfied'],
      ['too-many-units', 'forbid', 'error'],
      ['outside', 'forbid', 'satisfied'],
    ]);
    const noScope = explain(parsed, { ...request, principal: { type: 'Person', id: 'eve' } });
    expect(noScope.map(({ policyId }) => policyId)).not.toContain('own-desk');
  });

  it('splits a when condition at its conjunctions, with the values each part read', () => {
    expect(explained.get('own-desk')?.conditions).toEqual([
      {
        kind: 'when',
        text: '!principal.suspended',
        outcome: 'true',
        met: true,
        reached: true,
        values: [{ text: 'principal.suspended', value: 'false' }],
      },
      {
        kind: 'when',
        text: 'context.venue like "X*"',
        outcome: 'true',
        met: true,
        reached: true,
        values: [{ text: 'context.venue', value: '"XLON"' }],
      },
    ]);
    expect(explained.get('over-limit')?.conditions.map(({ values }) => values)).toEqual([
      [{ text: 'principal.limit', value: 'decimal("999.5000")' }],
      [
        { text: 'resource.notional', value: 'decimal("1000.0000")' },
        { text: 'principal.limit', value: 'decimal("999.5000")' },
      ],
    ]);
  });

  it('states that an unless must be false, and shows the values of everything in it', () => {
    expect(explained.get('approved')?.conditions.at(-1)).toMatchObject({
      kind: 'unless',
      text: 'resource.currency == "RUB"',
      outcome: 'true',
      met: false,
      values: [{ text: 'resource.currency', value: '"RUB"' }],
    });
    expect(explained.get('outside')?.conditions).toMatchObject([
      {
        kind: 'unless',
        text: 'context.address.isInRange(ip("10.0.0.0/8")) && context.at.toTime() < duration("18h")',
        outcome: 'false',
        met: true,
        values: [
          { text: 'context.address', value: 'ip("11.0.0.1/32")' },
          { text: 'context.at', value: 'datetime("2026-11-20T19:30:00.000Z")' },
        ],
      },
    ]);
  });

  it('explains an error and names missing values', () => {
    expect(explained.get('too-many-units')?.conditions).toEqual([
      {
        kind: 'when',
        text: 'resource.quantity * context.units > 1000000',
        outcome: 'error',
        message: expect.stringContaining('units'),
        met: false,
        reached: true,
        values: [
          { text: 'resource.quantity', value: '5' },
          { text: 'context.units', value: undefined },
        ],
      },
    ]);
  });

  it('shows parts that were not evaluated, but not as a cause', () => {
    const text = `@id("p") permit (principal, action == Action::"order:create", resource)
      when { context has headroom && context.headroom.greaterThan(resource.notional) }
      unless { resource.currency == "GBP" || resource.quantity > 3 };`;
    const [policy] = explain(parsePolicySet(text, schemaText), request);
    expect(policy?.outcome).toBe('unsatisfied');
    expect(policy?.conditions.map(({ kind, outcome, met, reached }) => [kind, outcome, met, reached])).toEqual([
      ['when', 'false', false, true],
      ['when', 'error', false, false],
      ['unless', 'false', true, false],
      ['unless', 'true', false, false],
    ]);
  });

  it('keeps values short', () => {
    const context = { ...request.context, venue: 'X'.repeat(1_000) };
    const [ownDesk] = explain(parsed, { ...request, context });
    expect(ownDesk?.conditions[1]?.values[0]?.value).toHaveLength(256);
  });

  it('is refused for a request that could not be decided', () => {
    expect(() => explain(parsed, { ...request, context: { venue: null } })).toThrow(
      expect.objectContaining({ code: 'request_refused' }),
    );
  });
});

describe('a printed expression', () => {
  const read = (condition: string): unknown => {
    const parsed = policyToJson(`permit (principal, action, resource) when { ${condition} };`);
    if (parsed.type === 'failure') throw new Error(`${condition}: ${JSON.stringify(parsed.errors)}`);
    return parsed.json.conditions[0]?.body;
  };

  it.each([
    'context has a.b.c && context has "a b" && context has "in"',
    '-(1) < -2 && -(-(1)) == 1 && (-1).a == - context.n',
    '!!true && !(true && false) || (true || false)',
    '(1 - (2 - 3)) * -4 + 5 * (6 + 7) == 1',
    '(1 < 2) == (3 < 4) && ((1 == 2) in [principal])',
    'decimal("1.0").lessThan(context.d) && datetime("2024-01-01").offset(duration("1h")).toTime() == duration("0ms")',
    'context["a b"]["in"] == {"x y": 1, "if": 2, n: {}}',
    '"a\\u{0}*\\u{7f}é\\n\\t\\r\\"\\\\" like "a\\**\\u{1F600}\\"*"',
    'principal is A::B in context.x.y && principal is A && !(principal is A)',
    '(if true then if false then 1 else 2 else 3) == (if context.b then 1 else 2)',
    '[A::B::"x\\"y", [1, "two"], {}].contains(context) && [1].containsAll([2]) && [].containsAny([]) && [].isEmpty()',
    'principal.getTag("a").hasTag(context.s + 1) || ip() == ip("::1", 2)',
    'ip("10.0.0.0/8").isInRange(context.i) && context.i.isIpv4()',
  ])('parses back to the same expression: %s', (condition) => {
    const json = read(condition);
    expect(read(printExpression(json))).toEqual(json);
  });

  it('parses back to the same expression, for any expression', () => {
    let printed = 0;
    fc.assert(
      fc.property(generatedPolicies, (texts) => {
        for (const text of texts) {
          const parsed = policyToJson(text);
          if (parsed.type === 'failure') throw new Error(text);
          for (const { body } of parsed.json.conditions) {
            expect(read(printExpression(body))).toEqual(body);
            printed++;
          }
        }
      }),
      { numRuns: 60, seed: 4 },
    );
    expect(printed).toBeGreaterThan(200);
  });
});
