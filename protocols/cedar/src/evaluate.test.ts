import { describe, expect, it } from 'vitest';
import {
  type AuthorizationRequest,
  compile,
  createEntitySnapshot,
  createReference,
  decideFailClosed,
  evaluate,
  parsePolicySet,
} from './index.ts';
import { policiesText, schemaText } from './trading-policies.fixture.ts';

const decimal = (text: string) => ({ __extn: { fn: 'decimal', arg: text } });
const parsed = parsePolicySet(policiesText, schemaText);
const policies = compile(parsed);
const reference = createReference(parsed);

const ada = { type: 'Person', id: 'ada' };
const order = { type: 'Order', id: 'o-1' };
const desk = { type: 'Desk', id: 'rates' };
const directory = createEntitySnapshot([
  { uid: { type: 'Firm', id: 'acme' }, attrs: {}, parents: [] },
  { uid: desk, attrs: { jurisdiction: 'GB' }, parents: [{ type: 'Firm', id: 'acme' }] },
  { uid: { type: 'Account', id: 'a-1' }, attrs: {}, parents: [desk] },
  {
    uid: ada,
    attrs: { level: 3, suspended: false, limit: decimal('1000.0') },
    parents: [desk],
    tags: { region: 'GB' },
  },
]);

function placing(change: {
  readonly quantity?: number;
  readonly notional?: string;
  readonly context?: Readonly<Record<string, unknown>>;
}): AuthorizationRequest & { readonly context: Readonly<Record<string, unknown>> } {
  return {
    principal: ada,
    action: { type: 'Action', id: 'order:create' },
    resource: order,
    context: {
      address: { __extn: { fn: 'ip', arg: '10.1.2.3' } },
      at: { __extn: { fn: 'datetime', arg: '2026-11-20T09:30:00.000Z' } },
      approvals: [],
      venue: 'XLON',
      units: 1,
      ...change.context,
    },
    entities: directory.with([
      {
        uid: order,
        attrs: { currency: 'GBP', notional: decimal(change.notional ?? '1000.0'), quantity: change.quantity ?? 5 },
        parents: [{ type: 'Account', id: 'a-1' }],
      },
    ]),
  };
}

/** The decision of Cedar, after checking that the reference engine agrees. */
function evaluateTwice(request: AuthorizationRequest) {
  const answer = evaluate(policies, request);
  const oracle = reference.evaluate(request);
  expect([oracle.decision, oracle.determining]).toEqual([answer.decision, answer.determining]);
  expect(oracle.errors.map(({ policyId }) => policyId)).toEqual(answer.errors.map(({ policyId }) => policyId));
  return answer;
}

describe('deciding', () => {
  it('allows with the satisfied permits', () => {
    expect(evaluateTwice(placing({}))).toEqual({ decision: 'allow', determining: ['own-desk'], errors: [] });
    const approver = { __entity: { type: 'Person', id: 'grace' } };
    expect(evaluateTwice(placing({ context: { approvals: [approver] } })).determining).toEqual([
      'own-desk',
      'approved',
    ]);
  });

  it('denies with the satisfied forbids, without the permits', () => {
    const answer = evaluateTwice(
      placing({ notional: '1000.0001', context: { address: { __extn: { fn: 'ip', arg: '11.0.0.1' } } } }),
    );
    expect(answer).toEqual({ decision: 'deny', determining: ['over-limit', 'outside'], errors: [] });
  });

  it('denies without determining policies if no policy permits', () => {
    expect(evaluateTwice(placing({ context: { venue: 'OTC' } }))).toMatchObject({ decision: 'deny', determining: [] });
  });

  it('reads tags and the type in a group', () => {
    const read = { type: 'Action', id: 'report:read' };
    const request = { principal: ada, action: read, resource: desk, context: {}, entities: directory };
    expect(evaluateTwice(request)).toMatchObject({ decision: 'allow', determining: ['read-reports'] });
  });

  it('applies only policies for all actions to an action that the schema does not know', () => {
    const request = { ...placing({}), action: { type: 'Action', id: 'order:amend' } };
    expect(evaluateTwice(request)).toEqual({ decision: 'deny', determining: [], errors: [] });
  });

  it('does not mistake part of a key for another entity', () => {
    const request = { ...placing({}), principal: { type: 'Person\0x', id: 'ada' } };
    expect(() => evaluate(policies, request)).toThrow(expect.objectContaining({ code: 'request_refused' }));
  });
});

describe('failing closed', () => {
  const overflowing = placing({ quantity: 9_007_199_254_740_991, context: { units: 9_007_199_254_740_991 } });

  it('denies when a forbid errors, where Cedar allows', () => {
    expect(evaluateTwice(overflowing)).toMatchObject({ decision: 'allow', determining: ['own-desk'] });
    const decided = decideFailClosed(policies, overflowing);
    expect(decided).toMatchObject({ decision: 'deny', determining: ['too-many-units'] });
    expect(decided.errors).toEqual([{ policyId: 'too-many-units', message: expect.stringContaining('64 bits') }]);
  });

  it('denies when a forbid needs an attribute that is missing', () => {
    const { context, ...request } = placing({});
    const { address: _, ...withoutAddress } = context;
    expect(evaluateTwice({ ...request, context: withoutAddress }).decision).toBe('allow');
    expect(decideFailClosed(policies, { ...request, context: withoutAddress }).determining).toEqual(['outside']);
  });

  it('denies when a forbid refers to a missing entity', () => {
    const request = { ...placing({}), entities: directory };
    expect(decideFailClosed(policies, request).decision).toBe('deny');
  });

  it('ignores a permit that errors', () => {
    const { context, ...request } = placing({});
    const { approvals: _, ...withoutApprovals } = context;
    const decided = decideFailClosed(policies, { ...request, context: withoutApprovals });
    expect(decided).toMatchObject({ decision: 'allow', determining: ['own-desk'], errors: [{ policyId: 'approved' }] });
  });

  it.each([
    ['an action the schema does not know', { action: { type: 'Action', id: 'order:amend' } }],
    ['a group of actions', { action: { type: 'Action', id: 'order' } }],
    ['a principal of a type the action is not for', { principal: { type: 'Robot', id: 'ada' } }],
    ['a resource of a type the action is not for', { resource: desk }],
  ])('refuses to decide on %s', (_, change) => {
    const request = { ...placing({}), ...change };
    expect(() => decideFailClosed(policies, request)).toThrow(expect.objectContaining({ code: 'request_refused' }));
  });

  it('decides as Cedar does if nothing errors', () => {
    expect(decideFailClosed(policies, placing({}))).toEqual(evaluate(policies, placing({})));
  });
});

describe('a request from outside', () => {
  let deep: unknown = 1;
  for (let level = 0; level < 100_000; level++) deep = [deep];

  it.each([
    ['an integer that was rounded', { units: 2 ** 53 }],
    ['a fraction', { units: 1.5 }],
    ['null', { units: null }],
    ['a lone surrogate', { venue: '\ud800' }],
    ['an integer beyond 64 bits', { units: 2n ** 63n }],
    ['an integer below 64 bits', { units: -(2n ** 63n) - 1n }],
    ['an instance of a class', { at: new Date(0) }],
    ['an unknown extension function', { at: { __extn: { fn: 'toDate', arg: '2026-01-01' } } }],
    ['a malformed extension value', { address: { __extn: { fn: 'ip', arg: '10.0.0.01' } } }],
    ['an entity with more than its uid', { who: { __entity: { type: 'Person', id: 'ada' }, admin: true } }],
    ['half an entity', { who: { __entity: { type: 'Person' } } }],
    ['an expression', { who: { __expr: 'principal' } }],
    ['a nesting that would exhaust the stack', { deep }],
    ['too many values', { many: new Array(5_000).fill(1) }],
    ['a string without end', { venue: 'X'.repeat(100_000) }],
  ])('is refused with %s in its context', (_, context) => {
    const request = { ...placing({}), context };
    for (const decide of [evaluate, decideFailClosed]) {
      expect(() => decide(policies, request)).toThrow(expect.objectContaining({ code: 'request_refused' }));
    }
    expect(() => reference.evaluate(request)).toThrow(expect.objectContaining({ code: 'request_refused' }));
  });

  it.each(['principal', 'action', 'resource'] as const)('is refused with a malformed %s', (part) => {
    for (const uid of [
      { type: '', id: 'x' },
      { type: 'A B', id: 'x' },
      { type: 'A', id: '\udc00' },
    ]) {
      const request = { ...placing({}), [part]: uid };
      expect(() => evaluate(policies, request)).toThrow(expect.objectContaining({ code: 'request_refused' }));
    }
  });

  it('is refused with an entity for an action, whose attributes and parents come from the schema', () => {
    const request = { ...placing({}), action: desk };
    for (const decide of [evaluate, decideFailClosed]) {
      expect(() => decide(policies, request)).toThrow(expect.objectContaining({ code: 'request_refused' }));
    }
    expect(() => reference.evaluate(request)).toThrow(expect.objectContaining({ code: 'request_refused' }));
  });

  it('may have an attribute named __proto__, which has no side effect', () => {
    const context: unknown = JSON.parse('{"__proto__":{"venue":"XLON"},"constructor":1}');
    const request = { ...placing({}), context: context as Readonly<Record<string, unknown>> };
    expect(evaluateTwice(request)).toMatchObject({ decision: 'deny' });
  });
});

describe('the reference engine', () => {
  it('keeps policy sets apart when there are more of them than the names preloaded in the engine', () => {
    const references = Array.from({ length: 9 }, (_, index) =>
      createReference(parsePolicySet(`@id("only-${index}") permit (principal, action, resource);`, schemaText)),
    );
    for (const _ of [1, 2]) {
      for (const [index, each] of references.entries()) {
        expect(each.evaluate(placing({})).determining).toEqual([`only-${index}`]);
      }
    }
  });
});
