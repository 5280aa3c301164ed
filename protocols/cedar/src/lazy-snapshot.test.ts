import { describe, expect, it } from 'vitest';
import {
  compile,
  createEntitySnapshot,
  createLazySnapshot,
  decideFailClosed,
  type EntityInput,
  EntityReadings,
  type EntitySnapshot,
  parsePolicySet,
} from './index.ts';

const policies = compile(
  parsePolicySet(
    '@id("in") permit (principal, action, resource) when { principal in context.group };',
    `entity Region in [Region];
     entity Firm in [Region];
     entity Desk in [Desk, Firm];
     entity Person in [Desk] { level?: Long };
     entity Order in [Desk];
     action "a" appliesTo { principal: [Person, Order], resource: [Firm], context: { group: Firm } };`,
  ),
);
const uid = (text: string) => {
  const [type = '', id = ''] = text.split(' ');
  return { type, id };
};
const entity = (text: string, ...parents: string[]): EntityInput => ({
  uid: uid(text),
  attrs: {},
  parents: parents.map(uid),
});

/** A directory that records what it was asked for. */
function directoryOf(...entities: EntityInput[]) {
  const byName = new Map(entities.map((each) => [`${each.uid.type} ${each.uid.id}`, each]));
  const asked: string[] = [];
  return {
    asked,
    load({ type, id }: { readonly type: string; readonly id: string }) {
      asked.push(`${type} ${id}`);
      return byName.get(`${type} ${id}`);
    },
    localTypes: new Set(['Order']),
  };
}

function isIn(entities: EntitySnapshot, who: string, group: string): boolean {
  return (
    decideFailClosed(policies, {
      principal: uid(who),
      action: { type: 'Action', id: 'a' },
      resource: { type: 'Firm', id: 'r' },
      context: { group: { __entity: uid(group) } },
      entities,
    }).decision === 'allow'
  );
}

const desk = [entity('Person ada', 'Desk rates'), entity('Desk rates', 'Firm acme'), entity('Firm acme', 'Region EEA')];

describe('a lazy snapshot', () => {
  it('loads requested entities with their ancestors, once, and nothing else', () => {
    const directory = directoryOf(...desk, entity('Person grace', 'Desk rates'));
    const snapshot = createLazySnapshot(directory);
    expect(directory.asked).toEqual([]);
    expect(isIn(snapshot, 'Person ada', 'Firm acme')).toBe(true);
    expect(directory.asked.sort()).toEqual(['Desk rates', 'Firm acme', 'Firm r', 'Person ada', 'Region EEA']);
    directory.asked.length = 0;
    expect(isIn(snapshot, 'Person grace', 'Firm acme')).toBe(true);
    expect(isIn(snapshot, 'Person ada', 'Desk other')).toBe(false);
    expect(directory.asked.filter((name) => name !== 'Firm r')).toEqual(['Person grace']);
  });

  it('answers like a snapshot of the same entities', () => {
    const lazy = createLazySnapshot(directoryOf(...desk));
    const listed = createEntitySnapshot(desk);
    for (const who of ['Person ada', 'Person nobody']) {
      for (const group of ['Person ada', 'Desk rates', 'Firm acme', 'Region EEA', 'Region UK']) {
        expect(isIn(lazy, who, group)).toBe(isIn(listed, who, group));
      }
    }
    expect(lazy.closureOf([uid('Person ada')])).toEqual(listed.closureOf([uid('Person ada')]));
  });

  it('extends a base whose entities are parents and are found like its own', () => {
    const base = createEntitySnapshot([entity('Region EEA', 'Region World')]);
    const snapshot = createLazySnapshot({ ...directoryOf(...desk), base });
    expect(isIn(snapshot, 'Person ada', 'Region World')).toBe(true);
    expect(snapshot.has(uid('Region EEA'))).toBe(true);
    expect(snapshot.has(uid('Region World'))).toBe(false);
  });

  it('reads an object only once, and still notices that its parent has changed', () => {
    const readings = new EntityReadings();
    let reads = 0;
    const ada = {
      ...entity('Person ada', 'Desk rates'),
      get attrs() {
        reads++;
        return { level: 3 };
      },
    };
    for (const firm of ['Firm acme', 'Firm other']) {
      const snapshot = createLazySnapshot({ ...directoryOf(ada, entity('Desk rates', firm)), readings });
      expect(isIn(snapshot, 'Person ada', firm)).toBe(true);
    }
    expect(reads).toBe(1);
  });

  it('accepts local entities in a request that refer to the entities it loads', () => {
    const local = createLazySnapshot(directoryOf(...desk)).with([entity('Order o', 'Desk rates')]);
    expect(isIn(local, 'Order o', 'Firm acme')).toBe(true);
  });

  it.each([
    ['is not of a local type', entity('Desk mine', 'Firm acme')],
    ['is in the directory', entity('Person ada')],
  ])('refuses a request entity that %s', (_, local) => {
    expect(() => createLazySnapshot(directoryOf(...desk)).with([local])).toThrow(
      expect.objectContaining({ code: 'entity_conflict' }),
    );
  });

  it('never loads an entity of a local type', () => {
    const snapshot = createLazySnapshot(directoryOf(entity('Order o', 'Firm acme')));
    expect(snapshot.has(uid('Order o'))).toBe(false);
    expect(isIn(snapshot.with([entity('Order o')]), 'Order o', 'Firm acme')).toBe(false);
  });

  const base = createEntitySnapshot([entity('Firm acme'), entity('Region EEA', 'Region World')]);
  const chain = Array.from({ length: 2_000 }, (_, index) => entity(`Desk ${index}`, `Desk ${index + 1}`));
  it.each<[string, EntityInput[], string, string]>([
    ['is malformed', [{ ...entity('Person ada'), attrs: { level: null } }], 'Person ada', 'entities_refused'],
    ['is another than was asked for', [], 'Person eve', 'entities_refused'],
    ['is its own ancestor', [entity('Desk a', 'Desk b'), entity('Desk b', 'Desk a')], 'Desk a', 'entities_refused'],
    ['has an endless row of ancestors', chain, 'Desk 0', 'entities_refused'],
    ['has a parent of a local type', [entity('Person ada', 'Order o')], 'Person ada', 'entities_refused'],
    ['is in the base too', [entity('Firm acme')], 'Firm acme', 'entity_conflict'],
    ['has a parent that is in the base too', desk, 'Person ada', 'entity_conflict'],
    ['is named as a parent in the base', [entity('Region World')], 'Region World', 'entity_conflict'],
  ])('refuses to decide on an entity that %s, on every attempt', (_, entities, asked, code) => {
    const directory = directoryOf(...entities);
    const snapshot = createLazySnapshot({
      ...directory,
      load: (name) => (name.id === 'eve' ? entity('Person mallory') : directory.load(name)),
      base,
    });
    for (const _ of [1, 2]) expect(() => snapshot.has(uid(asked))).toThrow(expect.objectContaining({ code }));
  });

  it('follows a reference within each request, whichever request followed it before', () => {
    const schema = `entity Person { order?: Order }; entity Order { level: Long };
      action "a" appliesTo { principal: [Person], resource: [Order], context: { level: Long } };`;
    const text = `@id("p") permit (principal, action, resource)
      when { principal has order && principal.order has level && principal.order.level == context.level };`;
    const watched = compile(parsePolicySet(text, schema));
    // The directory's own reference leads to an entity that every request includes anew.
    const ada = { ...entity('Person ada'), attrs: { order: { __entity: uid('Order o') } } };
    const snapshot = createLazySnapshot(directoryOf(ada));
    const levels = [1, undefined, 2, 1].map((level) => {
      const entities = level === undefined ? snapshot : snapshot.with([{ ...entity('Order o'), attrs: { level } }]);
      return [1, 2].filter((asked) => {
        const request = { principal: uid('Person ada'), action: { type: 'Action', id: 'a' }, resource: uid('Order x') };
        return decideFailClosed(watched, { ...request, context: { level: asked }, entities }).decision === 'allow';
      });
    });
    expect(levels).toEqual([[1], [], [2], [1]]);
  });
});
