import { isCodedError } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compile,
  createEntitySnapshot,
  type EntityInput,
  type EntitySnapshot,
  evaluate,
  parsePolicySet,
} from './index.ts';

const schemaText =
  'entity N in [N] {} tags Long; action "a" appliesTo { principal: [N], resource: [N], context: { g: N } };';
const policies = compile(
  parsePolicySet('@id("in") permit (principal, action, resource) when { principal in context.g };', schemaText),
);
const uid = (id: string) => ({ type: 'N', id });
const node = (id: string, ...parents: string[]): EntityInput => ({
  uid: uid(id),
  attrs: {},
  parents: parents.map(uid),
});

function isIn(entities: EntitySnapshot, id: string, group: string): boolean {
  const context = { g: { __entity: uid(group) } };
  const request = { principal: uid(id), action: { type: 'Action', id: 'a' }, resource: uid('r'), context, entities };
  return evaluate(policies, request).decision === 'allow';
}

describe('an entity snapshot', () => {
  it('finds ancestors through any number of steps, and through a missing parent only that parent', () => {
    const entities = createEntitySnapshot([node('a', 'b'), node('b', 'c', 'x'), node('c', 'gone')]);
    expect(['a', 'b', 'c', 'x', 'gone'].map((group) => isIn(entities, 'a', group))).toEqual(Array(5).fill(true));
    expect(isIn(entities, 'c', 'a')).toBe(false);
    expect(isIn(entities, 'gone', 'gone')).toBe(true);
    expect(isIn(entities, 'gone', 'a')).toBe(false);
  });

  it('agrees with a walk over the parents, in any order of input', () => {
    const graph = fc.array(fc.array(fc.nat({ max: 9 }), { maxLength: 3 }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(graph, fc.boolean(), (edges, reversed) => {
        // Parents have greater numbers, so there is no cycle; some are dangling.
        const parents = edges.map((targets, index) => targets.filter((target) => target > index));
        const nodes = parents.map((targets, index) => node(`${index}`, ...targets.map(String)));
        const entities = createEntitySnapshot(reversed ? nodes.toReversed() : nodes);
        const reaches = (from: number, to: number): boolean =>
          from === to || (parents[from] ?? []).some((parent) => reaches(parent, to));
        for (let from = 0; from < 10; from++) {
          for (let to = 0; to < 10; to++) expect(isIn(entities, `${from}`, `${to}`)).toBe(reaches(from, to));
        }
      }),
    );
  });

  it('does not exhaust the stack on a long chain, but bounds it', () => {
    const chain = (length: number) => Array.from({ length }, (_, index) => node(`${index}`, `${index + 1}`));
    expect(isIn(createEntitySnapshot(chain(1_000)), '0', '1000')).toBe(true);
    expect(() => createEntitySnapshot(chain(20_000))).toThrow(/more than 1024 ancestors/);
  });

  it('does not change when its input changes later', () => {
    const input = { uid: uid('a'), attrs: {}, parents: [uid('b')] };
    const entities = createEntitySnapshot([input]);
    input.parents.push(uid('c'));
    expect(isIn(entities, 'a', 'c')).toBe(false);
  });

  it.each([
    ['the same entity twice', [node('a'), node('a')]],
    ['an entity that is its own parent', [node('a', 'a')]],
    ['a cycle', [node('a', 'b'), node('b', 'c'), node('c', 'a')]],
    ['an action', [{ uid: { type: 'X::Action', id: 'a' }, attrs: {}, parents: [] }]],
    ['an action as a parent', [{ ...node('a'), parents: [{ type: 'X::Action', id: 'a' }] }]],
    ['an integer beyond 2^53', [{ ...node('a'), tags: { t: 2 ** 60 } }]],
    ['null', [{ ...node('a'), attrs: { a: null } }]],
    ['no parents', [{ uid: uid('a'), attrs: {} }]],
    ['no uid', [{ attrs: {}, parents: [] }]],
    ['a malformed parent', [{ ...node('a'), parents: [{ type: 'N' }] }]],
    ['no object', ['a']],
    ['no array', 'a'],
  ])('is refused with %s', (_, entities) => {
    expect(() => createEntitySnapshot(entities as EntityInput[])).toThrow(
      expect.objectContaining({ code: 'entities_refused' }),
    );
  });

  it('keeps the ids of the entities it refuses out of the public detail', () => {
    try {
      createEntitySnapshot([{ ...node('jane.doe@example.org'), attrs: { a: null } }]);
      expect.unreachable();
    } catch (error) {
      expect(isCodedError(error, 'entities_refused') && error.detail).not.toContain('jane');
    }
  });

  it('exports its entities in a form that it can read back', () => {
    const extensions = [
      { fn: 'decimal', arg: '-0.5' },
      { fn: 'ip', arg: '2001:db8::1/64' },
      { fn: 'ip', arg: '10.0.0.1' },
      { fn: 'datetime', arg: '1969-12-31T23:59:59.999+0100' },
      {
        fn: 'offset',
        args: [{ __extn: { fn: 'datetime', arg: '9999-12-31' } }, { __extn: { fn: 'duration', arg: '1d' } }],
      },
      {
        fn: 'offset',
        args: [{ __extn: { fn: 'datetime', arg: '0000-01-01' } }, { __extn: { fn: 'duration', arg: '-1ms' } }],
      },
      { fn: 'duration', arg: '-1d2ms' },
    ].map((call) => ({ __extn: call }));
    const attrs = {
      s: [1, 'two', [true]],
      r: JSON.parse('{"__proto__":{"e":1}}'),
      e: { __entity: uid('z') },
      extensions,
    };
    const json = createEntitySnapshot([{ ...node('a', 'b'), attrs, tags: { t: 7 } }]).closureOf([uid('a')]);
    expect(createEntitySnapshot(json).closureOf([uid('a')])).toEqual(json);
    expect(json[0]).toMatchObject({ uid: uid('a'), parents: [uid('b')], tags: { t: 7 } });
    expect(JSON.stringify(json)).toContain('{"__proto__":{"e":1}}');
    expect(JSON.stringify(json)).toContain('"arg":"-0.5"');
  });
});

describe('a closure', () => {
  const entities = createEntitySnapshot([
    { ...node('a', 'b', 'gone'), attrs: { e: [{ deep: { __entity: uid('c') } }] } },
    { ...node('b'), tags: { t: { __entity: uid('d') } } },
    { ...node('c'), attrs: { back: { __entity: uid('a') } } },
    node('d'),
    node('e', 'a'),
  ]);
  const idsOf = (...roots: string[]) => entities.closureOf(roots.map(uid)).map((entity) => entity.uid.id);

  it('contains every entity that parents, attributes and tags refer to, each once, and omits missing ones', () => {
    expect(idsOf('a')).toEqual(['a', 'b', 'c', 'd']);
    expect(idsOf('e', 'd', 'e')).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(idsOf('gone', 'd')).toEqual(['d']);
    expect(idsOf()).toEqual([]);
  });
});

describe('request-local entities', () => {
  const base = createEntitySnapshot([
    node('desk', 'firm'),
    node('firm'),
    node('account', 'desk'),
    node('stray', 'unknown'),
  ]);

  it('have the ancestors of the base and do not change the base', () => {
    const local = base.with([node('order', 'account'), node('leg', 'order')]);
    expect(isIn(local, 'leg', 'firm')).toBe(true);
    expect(isIn(base, 'leg', 'firm')).toBe(false);
    expect([base.has(uid('order')), local.has(uid('order'))]).toEqual([false, true]);
  });

  it('can be added to more than once', () => {
    const local = base.with([node('order', 'account')]).with([node('leg', 'order')]);
    expect(isIn(local, 'leg', 'firm')).toBe(true);
    expect(local.closureOf([uid('leg')]).map((entity) => entity.uid.id)).toEqual([
      'account',
      'desk',
      'firm',
      'leg',
      'order',
    ]);
  });

  it.each([
    ['is in the base', node('desk')],
    ['is named as a parent in the base, whose ancestors it would extend', node('unknown', 'firm')],
    ['is among the local ones already', node('order')],
  ])('are refused when one of them %s', (_, entity) => {
    expect(() => base.with([node('order')]).with([entity])).toThrow(
      expect.objectContaining({ code: 'entity_conflict' }),
    );
  });
});
