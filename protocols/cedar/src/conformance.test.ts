import { checkParseEntities, type EntityJson } from '@cedar-policy/cedar-wasm/nodejs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkEntity, checkRequest, type EntityInput, parsePolicySet } from './index.ts';
import { entitiesOf } from './testing/arbitrary-world.ts';

const schemaText = `
entity Side enum ["buy", "sell"];
entity Group in [Group];
entity Firm in [Group] { rank: Long } tags Set<String>;
entity Trader in [Firm] {
  name: String, active?: Bool, firm: Firm, side: Side, limits: Set<decimal>,
  address: ipaddr, since: datetime, hours?: duration, nested: { a: Long, b?: { c: String } }
};
entity Book;
action "all";
action "deal" in ["all"] appliesTo { principal: [Trader], resource: [Book], context: { at: datetime, seen: Set<Firm>, note?: String } };
`;
const { schema } = parsePolicySet('', schemaText);
const entity = (type: string, id: string) => ({ __entity: { type, id } });
const extension = (fn: string, arg: string) => ({ __extn: { fn, arg } });
const trader = {
  uid: { type: 'Trader', id: 'ada' },
  attrs: {
    name: 'Ada',
    firm: entity('Firm', 'acme'),
    side: entity('Side', 'buy'),
    limits: [extension('decimal', '1.5')],
    address: extension('ip', '10.0.0.1'),
    since: extension('datetime', '2026-11-20'),
    nested: { a: 1 },
  },
  parents: [
    { type: 'Firm', id: 'acme' },
    { type: 'Group', id: 'big' },
  ],
};
const { name: _, ...nameless } = trader.attrs;

const problemsOf = (change: Partial<EntityInput>) =>
  checkEntity(schema, { ...trader, ...change }).map(({ where, message }) => `${where}: ${message}`);

describe('an entity', () => {
  it('conforms with everything declared for its type, and with indirect parents', () => {
    expect(problemsOf({})).toEqual([]);
    expect(problemsOf({ attrs: { ...trader.attrs, active: true, nested: { a: 2, b: { c: '' } } } })).toEqual([]);
  });

  it.each<[string, Partial<EntityInput>, string]>([
    ['lacks an attribute', { attrs: nameless }, 'attrs.name: it is declared and was not given'],
    ['has one too many', { attrs: { ...trader.attrs, age: 3 } }, 'attrs.age: it is not declared'],
    [
      'has one of another type',
      { attrs: { ...trader.attrs, name: 3 } },
      'attrs.name: a string is declared and a long was given',
    ],
    [
      'has text where an extension type is declared',
      { attrs: { ...trader.attrs, address: '10.0.0.1' } },
      'attrs.address: a ipaddr is declared and a string was given',
    ],
    [
      'has one extension type for another',
      { attrs: { ...trader.attrs, since: extension('duration', '1d') } },
      'attrs.since: a datetime is declared and a duration was given',
    ],
    [
      'refers to an entity of another type',
      { attrs: { ...trader.attrs, firm: entity('Book', 'b') } },
      'attrs.firm: a Firm is declared and a Book was given',
    ],
    [
      'refers to an entity that is not listed',
      { attrs: { ...trader.attrs, side: entity('Side', 'hold') } },
      'attrs.side: it is none of the entities that Side lists',
    ],
    [
      'has a wrong item in a set',
      { attrs: { ...trader.attrs, limits: [extension('decimal', '1.0'), 1] } },
      'attrs.limits.1: a decimal is declared and a long was given',
    ],
    [
      'is wrong further in',
      { attrs: { ...trader.attrs, nested: { a: 1, b: { c: true, d: 1 } } } },
      'attrs.nested.b.c: a string is declared and a boolean was given',
    ],
    ['has tags and may not', { tags: { t: ['x'] } }, 'tags.t: no tags are declared for Trader'],
    [
      'has a parent of a wrong type',
      { parents: [{ type: 'Book', id: 'b' }] },
      'parents: a Trader is not declared to be in a Book',
    ],
    ['is of no declared type', { uid: { type: 'Robot', id: 'r' } }, 'uid: the entity type Robot is not declared'],
    [
      'is none of those listed',
      { uid: { type: 'Side', id: 'hold' }, attrs: {}, parents: [] },
      'uid: it is none of the entities that Side lists',
    ],
  ])('does not conform when it %s', (_, change, problem) => {
    expect(problemsOf(change)).toContain(problem);
  });

  it('is refused with all its problems, within bounds', () => {
    expect(problemsOf({ attrs: {} })).toHaveLength(7);
    const attrs = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`x${index}`, 1]));
    expect(problemsOf({ attrs })).toHaveLength(64);
  });

  it('is refused when it is not an entity at all', () => {
    expect(() => checkEntity(schema, { ...trader, attrs: { name: null } })).toThrow(
      expect.objectContaining({ code: 'entities_refused' }),
    );
  });

  it('conforms exactly when the reference engine accepts it', () => {
    const names = ['name', 'firm', 'side', 'limits', 'address', 'since', 'nested', 'rank', 'absent'];
    const values = [
      ...[1, true, 'x', {}, { a: 1 }, [], [1], extension('decimal', '1.0'), [extension('decimal', '2.0')]],
      ...[entity('Firm', 'a'), entity('Side', 'sell'), entity('Side', 'hold'), extension('ip', '::1')],
    ];
    const parents = [
      { type: 'Firm', id: 'a' },
      { type: 'Group', id: 'z' },
      { type: 'Book', id: 'b' },
    ];
    const seen = { conforming: 0, not: 0 };
    fc.assert(
      fc.property(
        entitiesOf(schema).filter((entities) => entities.length > 0),
        fc.nat(),
        fc.option(
          fc.record({
            set: fc.dictionary(fc.constantFrom(...names), fc.constantFrom(...values), { maxKeys: 1 }),
            drop: fc.subarray(names, { maxLength: 1 }),
            parents: fc.subarray(parents, { maxLength: 1 }),
          }),
        ),
        (entities, index, change) => {
          const given = entities[index % entities.length];
          if (given === undefined) throw new Error('there is an entity');
          const dropped = new Set(change?.drop);
          const attrs = Object.entries(given.attrs).filter(([name]) => !dropped.has(name));
          const changed: EntityInput = {
            ...given,
            attrs: { ...Object.fromEntries(attrs), ...change?.set },
            parents: change === null ? given.parents : change.parents,
          };
          const conforms = checkEntity(schema, changed).length === 0;
          const oracle = checkParseEntities({ entities: [changed as unknown as EntityJson], schema: schemaText });
          expect(conforms).toBe(oracle.type === 'success');
          seen[conforms ? 'conforming' : 'not']++;
        },
      ),
      { numRuns: 300, seed: 4 },
    );
    expect(Math.min(seen.conforming, seen.not)).toBeGreaterThan(50);
  }, 120_000);
});

describe('a request', () => {
  const request = {
    principal: trader.uid,
    action: { type: 'Action', id: 'deal' },
    resource: { type: 'Book', id: 'b' },
    context: { at: extension('datetime', '2026-11-20'), seen: [entity('Firm', 'acme')] },
  };
  const problems = (change: Partial<typeof request> | object) =>
    checkRequest(schema, { ...request, ...change }).map(({ where, message }) => `${where}: ${message}`);

  it('conforms if the action is declared for its principal and resource types, with its context', () => {
    expect(problems({})).toEqual([]);
    expect(problems({ context: { ...request.context, note: 'x' } })).toEqual([]);
  });

  it.each([
    ['an action not declared', { action: { type: 'Action', id: 'steal' } }, 'action: the action is not declared'],
    [
      'a group of actions',
      { action: { type: 'Action', id: 'all' } },
      'principal: the action is not declared for a principal of type Trader',
    ],
    [
      'a principal of another type',
      { principal: { type: 'Firm', id: 'acme' } },
      'principal: the action is not declared for a principal of type Firm',
    ],
    [
      'a resource of another type',
      { resource: trader.uid },
      'resource: the action is not declared for a resource of type Trader',
    ],
    ['a context that lacks something', { context: { seen: [] } }, 'context.at: it is declared and was not given'],
    [
      'a context with text for a time',
      { context: { ...request.context, at: '2026-11-20' } },
      'context.at: a datetime is declared and a string was given',
    ],
  ])('does not conform with %s', (_, change, problem) => {
    expect(problems(change)).toContain(problem);
  });

  it('is refused when it is not a request at all', () => {
    expect(() => checkRequest(schema, { ...request, context: { at: null } })).toThrow(
      expect.objectContaining({ code: 'request_refused' }),
    );
  });
});
