import { canonicalize } from '@countersign/kernel';
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

/** What reading parsed JSON comes to; undefined where it is refused. */
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

/** Names, kinds and values, without what references remember. */
function comparable(record: RecordValue): unknown {
  return { names: record.names, json: recordToJson(record), text: record.canonicalText };
}

const dealing = environmentsOf(schema).filter(({ action }) => action.id === 'deal');
const requests = requestsOf(schema, dealing, { string: ['é', '𝒟 "quoted"', 'back\\slash', '\n'] });

describe('values read from canonical text', () => {
  it('are those that are read from the parsed text, and the cursor is behind them', () => {
    let read = 0;
    fc.assert(
      fc.property(requests, fc.string(), ({ action, context }, rest) => {
        const text = canonicalize(context);
        const cursor = cursorAt(text + rest, 0);
        const found = reader.readContext(action.id, cursor);
        // Strings with escapes, and the longest Longs, are left to others.
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

  it('are none, or those of the JSON that they end with, whatever the text was turned into', () => {
    const bits = fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '\\', '0', '1', '-', '.', 'e', ' ', 'true', '"a":');
    fc.assert(
      fc.property(requests, fc.nat(), fc.nat(8), bits, ({ action, context }, place, taken, put) => {
        const whole = canonicalize(context);
        const start = place % whole.length;
        const text = whole.slice(0, start) + put + whole.slice(start + taken);
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
    ['an escape', '{"note":"a\\u0062"}'],
    ['a lone surrogate', '{"note":"\ud800"}'],
    ['a long string', `{"note":"${'a'.repeat(70_000)}"}`],
    ['a date that there is not', '{"at":{"__extn":{"arg":"2026-02-30","fn":"datetime"}}}'],
    ['another function', '{"at":{"__extn":{"arg":"1.0","fn":"decimal"}}}'],
    ['more beside an entity', '{"seen":[{"__entity":{"id":"a","type":"Firm"},"x":1}]}'],
    ['another type of entity', '{"seen":[{"__entity":{"id":"a","type":"Group"}}]}'],
    ['five thousand values', `{"seen":[${Array(5_000).fill('{"__entity":{"id":"a","type":"Firm"}}').join()}]}`],
    ['no end', '{"amount":1'],
    ['nothing', ''],
  ])('are not read where there is %s', (_, text) => {
    expect(reader.readContext('deal', cursorAt(text, 0))).toBeUndefined();
  });

  it('are not read of an action that is not declared, or with names that stand for something else', () => {
    expect(reader.readContext('deal', cursorAt('{"amount":1}', 0))).toBeDefined();
    expect(reader.readContext('other', cursorAt('{}', 0))).toBeUndefined();
    expect(reader.readContext('odd', cursorAt('{}', 0))).toBeUndefined();
  });
});

describe('entities read from canonical text', () => {
  const canonical = (entities: readonly EntityInput[]) => canonicalize(entities);

  it('are those that are read from the parsed text', () => {
    let read = 0;
    fc.assert(
      fc.property(entitiesOf(schema), (all) => {
        const entities = all.slice(0, 3);
        const text = canonical(entities);
        const cursor = cursorAt(`${text},`, 0);
        const found = reader.readEntities(cursor);
        // Nor are addresses and durations that would be written otherwise.
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

  it.each([
    ['tags', '[{"attrs":{"rank":1},"parents":[],"tags":{},"uid":{"id":"a","type":"Firm"}}]'],
    ['a type that is not declared', '[{"attrs":{},"parents":[],"uid":{"id":"a","type":"Robot"}}]'],
    [
      'a parent that is not declared',
      '[{"attrs":{},"parents":[{"id":"a","type":"Robot"}],"uid":{"id":"a","type":"Group"}}]',
    ],
    ['no list', '{"attrs":{},"parents":[],"uid":{"id":"a","type":"Group"}}'],
    ['no end', '[{"attrs":{},"parents":[],"uid":{"id":"a","type":"Group"}}'],
  ])('are not read where there is %s', (_, text) => {
    expect(reader.readEntities(cursorAt(text, 0))).toBeUndefined();
  });
});
