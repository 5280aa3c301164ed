import { canonicalize, type Json } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createEntitySnapshot,
  createTextReader,
  cursorAt,
  type EntityInput,
  parsePolicySet,
  type RecordValue,
  recordToJson,
} from './index.ts';
import { entitiesOf, environmentsOf, requestsOf } from './testing/arbitrary-world.ts';

const { schema } = parsePolicySet(
  '',
  `
entity Group in [Group];
entity Firm in [Group] { rank: Long };
entity Trader in [Firm, Group] {
  name: String, active?: Bool, firm?: Firm, limits: Set<decimal>, address: ipaddr, since: datetime,
  hours?: duration, nested: { a: Long, b?: { c: String } }, sets: Set<Set<String>>
};
entity Book;
entity Odd { "a\\"b": Long, "__entity": Long };
action "deal" appliesTo {
  principal: [Trader], resource: [Book, Odd],
  context: { at: datetime, seen: Set<Firm>, note?: String, amount: Long, "Große": Bool, empty: {} }
};
action "odd" appliesTo { principal: [Trader], resource: [Book], context: { "__extn"?: String } };`,
);
const reader = createTextReader(schema);

/** The result of reading parsed JSON; undefined if it is refused. */
function readParsed(attrs: unknown): unknown {
  try {
    const snapshot = createEntitySnapshot([
      { uid: { type: 'T', id: 't' }, attrs: attrs as EntityInput['attrs'], parents: [] },
    ]);
    const entity = snapshot.find({ type: 'T', id: 't' });
    return entity === undefined ? undefined : comparable(entity.attributes);
  } catch {
    return undefined;
  }
}

/** Names, kinds and values, without the memory of references. */
function comparable(record: RecordValue): unknown {
  return { names: record.names, json: recordToJson(record), text: record.canonicalText };
}

const dealing = environmentsOf(schema).filter(({ action }) => action.id === 'deal');
const requests = requestsOf(schema, dealing, { string: ['é', '𝒟 "quoted"', 'back\\slash', '\n'] });

describe('values read from canonical text', () => {
  it('equal those read from the parsed text, and the cursor is after them', () => {
    let read = 0;
    fc.assert(
      fc.property(requests, fc.string(), ({ action, context }, rest) => {
        const text = canonicalize(context);
        const cursor = cursorAt(text + rest, 0);
        const found = reader.readContext(action.id, cursor);
        // Strings with escapes and the longest Longs are left to the JSON reader.
        if (found === undefined) {
          expect(text).toMatch(/\\|\d{16}/);
          return;
        }
        read++;
        expect(cursor.at).toBe(text.length);
        expect(comparable(found)).toEqual(readParsed(JSON.parse(text)));
      }),
      { numRuns: 500 },
    );
    expect(read).toBeGreaterThan(200);
  });

  it('are undefined, or equal the JSON they end with, for any mutation of the text', () => {
    const bits = fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '\\', '0', '1', '-', '.', 'e', ' ', 'true', '"a":');
    fc.assert(
      fc.property(requests, fc.nat(), fc.nat(8), bits, ({ action, context }, place, taken, put) => {
        const whole = canonicalize(context);
        const start = place % whole.length;
        const text = whole.slice(0, start) + put + whole.slice(start + taken);
        // The reader's memory of the original text does not affect the mutated one.
        reader.readContext(action.id, cursorAt(whole, 0));
        const cursor = cursorAt(text, 0);
        const found = reader.readContext(action.id, cursor);
        if (found === undefined) return;
        expect(comparable(found)).toEqual(readParsed(JSON.parse(text.slice(0, cursor.at))));
      }),
      { numRuns: 3_000 },
    );
  });

  it.each([
    ['another type', '{"amount":"1"}'],
    ['a name that is not declared', '{"amount":1,"more":1}'],
    ['names out of order', '{"empty":{},"amount":1}'],
    ['a name twice', '{"amount":1,"amount":2}'],
    ['white space', '{ "amount":1}'],
    ['a fraction', '{"amount":1.5}'],
    ['an exponent', '{"amount":1e3}'],
    ['more than a safe integer', '{"amount":9007199254740993}'],
    ['a leading zero', '{"amount":01}'],
    ['a leading zero of a negative number', '{"amount":-01}'],
    ['a negative zero', '{"amount":-0}'],
    ['a sign alone', '{"amount":-}'],
    ['an escape', '{"note":"a\\u0062"}'],
    ['a lone surrogate', '{"note":"\ud800"}'],
    ['a long string', `{"note":"${'a'.repeat(70_000)}"}`],
    ['a date that there is not', '{"at":{"__extn":{"arg":"2026-02-30","fn":"datetime"}}}'],
    ['another function', '{"at":{"__extn":{"arg":"1.0","fn":"decimal"}}}'],
    ['more beside an entity', '{"seen":[{"__entity":{"id":"a","type":"Firm"},"x":1}]}'],
    ['no comma between two', '{"seen":[{"__entity":{"id":"a","type":"Firm"}};{"__entity":{"id":"b","type":"Firm"}}]}'],
    ['another type of entity', '{"seen":[{"__entity":{"id":"a","type":"Group"}}]}'],
    ['five thousand values', `{"seen":[${Array(5_000).fill('{"__entity":{"id":"a","type":"Firm"}}').join()}]}`],
    ['no end', '{"amount":1'],
    ['nothing', ''],
  ])('are refused for %s', (_, text) => {
    expect(reader.readContext('deal', cursorAt(text, 0))).toBeUndefined();
  });

  it('are refused for an undeclared action or for names with a special meaning', () => {
    expect(reader.readContext('deal', cursorAt('{"amount":1}', 0))).toBeDefined();
    expect(reader.readContext('other', cursorAt('{}', 0))).toBeUndefined();
    expect(reader.readContext('odd', cursorAt('{}', 0))).toBeUndefined();
  });
});

describe('values read from canonical text, one record after the other', () => {
  const firm = (id: string) => ({ __entity: { id, type: 'Firm' } });
  const context = {
    amount: 1,
    at: { __extn: { arg: '2026-11-20T09:30:00.000Z', fn: 'datetime' } },
    empty: {},
    Große: true,
    note: 'é𝒟',
    seen: [firm('a'), firm('b')],
  };
  const numbered = (count: number) => Array.from({ length: count }, (_, place) => `m${String(place).padStart(2, '0')}`);
  const readerOf = (attributes: string) =>
    createTextReader(
      parsePolicySet('', `entity T; action "deal" appliesTo { principal: T, resource: T, context: { ${attributes} } };`)
        .schema,
    );
  const inOrder = (record: unknown) => readParsed(JSON.parse(canonicalize(record as Json)));
  const read = (by: typeof reader, record: unknown) =>
    by.readContext('deal', cursorAt(canonicalize(record as Json), 0));

  it('reuse the previous record where the text is equal, and are read where it differs', () => {
    const fresh = createTextReader(schema);
    const first = read(fresh, context);
    for (const amount of [1, 2, 20, -3, 4]) {
      const next = read(fresh, { ...context, amount });
      expect(next?.get('amount')).toBe(amount);
      expect(next?.names).toBe(first?.names);
      expect(next === undefined ? undefined : comparable(next)).toEqual(inOrder({ ...context, amount }));
    }
    expect(read(fresh, { ...context, amount: 5 })?.get('seen')).toBe(
      read(fresh, { ...context, amount: 6 })?.get('seen'),
    );
  });

  it.each([
    ['a Long', 'amount', [1, 2, 3, 4]],
    ['a truth', 'Große', [true, false, true, false]],
    ['a string', 'note', ['a', 'b', '', 'a']],
    [
      'a date',
      'at',
      ['2026-11-20', '2026-11-21', '2026-11-22', '2026-11-23'].map((arg) => ({ __extn: { arg, fn: 'datetime' } })),
    ],
  ])('reuse the previous record around %s that changes', (_, name, values) => {
    const fresh = createTextReader(schema);
    const seen = values.map((value) => read(fresh, { ...context, [name]: value })?.get('seen'));
    expect(seen[3]).toBeDefined();
    expect(seen[3]).toBe(seen[2]);
  });

  it('equal their own text, whichever members change, appear or disappear', () => {
    const text = fc.constantFrom('', 'a', 'b', 'aa', 'é', '𝒟', ',"amount":2', '}');
    const changes = fc.record(
      {
        amount: fc.constantFrom(0, 1, 10, -1),
        at: fc.constantFrom('2026-11-20T09:30:00.000Z', '2026-11-20', '2026-11-20T09:30:00.001Z').map((arg) => ({
          __extn: { arg, fn: 'datetime' },
        })),
        Große: fc.boolean(),
        note: fc.option(text, { nil: undefined }),
        seen: fc.array(text.map(firm), { maxLength: 2 }),
      },
      { requiredKeys: [] },
    );
    let straight = 0;
    fc.assert(
      fc.property(fc.array(changes, { minLength: 1, maxLength: 60, size: 'max' }), (all) => {
        const fresh = createTextReader(schema);
        const found: { readonly read: RecordValue; readonly record: unknown }[] = [];
        for (const changed of all) {
          const { note, ...others } = { ...context, ...changed };
          const record = note === undefined ? others : { ...others, note };
          const one = read(fresh, record);
          if (one === undefined) {
            expect(canonicalize(record)).toContain('\\');
            continue;
          }
          straight++;
          expect(comparable(one)).toEqual(inOrder(record));
          found.push({ read: one, record });
        }
        // Later reads have not changed earlier results; their text form is not kept.
        for (const { read, record } of found) expect(recordToJson(read)).toEqual(record);
      }),
      { numRuns: 200 },
    );
    expect(straight).toBeGreaterThan(1_000);
  });

  it('equal their own text in any combination of members, not all of which are remembered', () => {
    const names = numbered(11);
    const fresh = readerOf(names.map((name) => `${name}?: Long`).join());
    const inCombination = (which: number) =>
      Object.fromEntries(names.flatMap((name, place) => ((which & (1 << place)) === 0 ? [] : [[name, which + place]])));
    const first = read(fresh, inCombination(1));
    expect(read(fresh, inCombination(1))?.names).toBe(first?.names);
    for (let which = 0; which < 1 << names.length; which++) {
      const found = read(fresh, inCombination(which));
      expect(found === undefined ? undefined : recordToJson(found)).toEqual(inCombination(which));
    }
    expect(read(fresh, inCombination(1))?.names).toEqual(first?.names);
    expect(read(fresh, inCombination(1))?.names).not.toBe(first?.names);
  });

  it('are undefined if a type has more attributes than the reader supports', () => {
    const names = numbered(34);
    const fresh = readerOf(names.map((name) => `${name}?: Long`).join());
    for (const name of names) expect(read(fresh, { [name]: 1 })).toBeUndefined();
    const fewer = readerOf(
      names
        .slice(0, 31)
        .map((name) => `${name}?: Long`)
        .join(),
    );
    for (const name of names.slice(0, 31)) expect(read(fewer, { [name]: 1 })?.names).toEqual([name]);
  });

  it('are read in the order of canonical JSON, by UTF-16', () => {
    const fresh = readerOf('"Ａ": Long, "𝒳": Long');
    expect(read(fresh, { Ａ: 1, 𝒳: 2 })?.names).toEqual(['𝒳', 'Ａ']);
  });

  it('count the members of records towards the limit of values', () => {
    const fresh = readerOf('pairs: Set<{ a: Long, b: Long }>');
    const pairs = (count: number) => read(fresh, { pairs: Array(count).fill({ a: 1, b: 2 }) });
    expect(pairs(600)?.names).toEqual(['pairs']);
    expect(pairs(1_000)).toBeUndefined();
  });

  it('do not count failed comparisons towards the limit of values', () => {
    const trader = (limits: readonly string[], more = {}) => ({
      attrs: {
        limits: limits.map((arg) => ({ __extn: { arg, fn: 'decimal' } })),
        name: 'n',
        nested: { a: 1 },
        ...more,
      },
      parents: [],
      uid: { id: 'a', type: 'Trader' },
    });
    const many = Array<string>(1_100).fill('1.0');
    const since = { since: { __extn: { arg: '2026-11-20', fn: 'datetime' } } };
    const fresh = createTextReader(schema);
    for (const limits of [[], ['1.0'], ['2.0'], many])
      for (const more of [since, {}])
        expect(fresh.readEntities(cursorAt(canonicalize([trader(limits, more)]), 0))).toHaveLength(1);
  });

  it('reach the limit of values at the same point, remembered or not', () => {
    const trader = {
      attrs: {
        active: true,
        limits: Array(1_100).fill({ __extn: { arg: '1.0', fn: 'decimal' } }),
        name: 'n',
        nested: { a: 1 },
      },
      parents: [],
      uid: { id: 'a', type: 'Trader' },
    };
    const fresh = createTextReader(schema);
    const entities = (count: number) => fresh.readEntities(cursorAt(canonicalize(Array(count).fill(trader)), 0));
    expect(entities(2)).toBeUndefined();
    for (let time = 0; time < 3; time++) expect(entities(1)).toHaveLength(1);
    expect(entities(2)).toBeUndefined();
  });
});

describe('entities read from canonical text', () => {
  const canonical = (entities: readonly EntityInput[]) => canonicalize(entities);
  const group = '{"attrs":{},"parents":[],"uid":{"id":"a","type":"Group"}}';

  it('equal those read from the parsed text', () => {
    let read = 0;
    fc.assert(
      fc.property(entitiesOf(schema), (all) => {
        const entities = all.slice(0, 3);
        const text = canonical(entities);
        const cursor = cursorAt(`${text},`, 0);
        const found = reader.readEntities(cursor);
        // This also excludes addresses and durations that would be written differently.
        if (found === undefined) {
          expect(text).toMatch(/"type":"Odd"|"fn":"(ip|duration)"|\d{16}/);
          return;
        }
        read++;
        expect(cursor.at).toBe(text.length);
        expect(
          found.map(({ reference: { type, id }, attributes, parents }) => ({
            attrs: recordToJson(attributes),
            parents: parents.map((parent) => ({ id: parent.id, type: parent.type })),
            uid: { id, type },
          })),
        ).toEqual(JSON.parse(text));
      }),
      { numRuns: 200 },
    );
    expect(read).toBeGreaterThan(50);
  });

  it('are refused if a value would be written differently from its text', () => {
    const trader = (attrs: EntityInput['attrs']) =>
      canonical([{ attrs, parents: [], uid: { id: 'a', type: 'Trader' } }]);
    const read = (name: string, fn: string, arg: string) =>
      reader.readEntities(cursorAt(trader({ [name]: { __extn: { arg, fn } } }), 0));
    expect(read('address', 'ip', '10.0.0.1/32')).toHaveLength(1);
    expect(read('address', 'ip', '10.0.0.1')).toBeUndefined();
    expect(read('hours', 'duration', '1000ms')).toHaveLength(1);
    expect(read('hours', 'duration', '1s')).toBeUndefined();
  });

  it.each([
    ['tags', '[{"attrs":{"rank":1},"parents":[],"tags":{},"uid":{"id":"a","type":"Firm"}}]'],
    ['a type that is not declared', '[{"attrs":{},"parents":[],"uid":{"id":"a","type":"Robot"}}]'],
    [
      'a parent that is not declared',
      '[{"attrs":{},"parents":[{"id":"a","type":"Robot"}],"uid":{"id":"a","type":"Group"}}]',
    ],
    ['no comma between two', `[${group}${group}]`],
    [
      'no comma between parents',
      '[{"attrs":{},"parents":[{"id":"a","type":"Group"}{"id":"b","type":"Group"}],"uid":{"id":"a","type":"Group"}}]',
    ],
    ['sixty-five of them', `[${Array(65).fill(group).join()}]`],
    ['no list', '{"attrs":{},"parents":[],"uid":{"id":"a","type":"Group"}}'],
    ['no end', '[{"attrs":{},"parents":[],"uid":{"id":"a","type":"Group"}}'],
  ])('are refused for %s', (_, text) => {
    expect(reader.readEntities(cursorAt(text, 0))).toBeUndefined();
  });
});
