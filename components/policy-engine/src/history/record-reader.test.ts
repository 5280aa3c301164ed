import { createTextReader, recordToJson } from '@countersign/cedar';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadBundle } from '../bundle/load-bundle.ts';
import { houseRules } from '../testing/past-decisions.ts';
import { createRecordReader, type ReadData } from './record-reader.ts';
import { readRecordedEntities } from './recorded-question.ts';

const digest = 'hdgJ0VZBXHTyyzduEPUOY-9uxr6Iye5l3Kl4hSaZBU8';

function recordWith(input: unknown, more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ v: 1, id: 'rec_x', ...more, data: { decision: { decision: true, input } } });
}

type Data = { readonly decision: { readonly input: { readonly entities: unknown } } };

/** The same, by parsing the whole. */
function parsedWhole(text: string): unknown {
  return withEntitiesRead((JSON.parse(text) as { readonly data: Data }).data);
}

/** A list that was not read yet is read by whoever needs it: both ways must come to the same. */
function withEntitiesRead({ decision }: Data): unknown {
  const { entities } = decision.input;
  return {
    decision: { ...decision, input: { ...decision.input, entities: readRecordedEntities(entities) ?? entities } },
  };
}

const schema = createTextReader(loadBundle(houseRules).parsed.schema);

/** With what was read beside it written back into its place. */
function readBy(text: string): unknown {
  const { data, read } = createRecordReader(schema)(text);
  return withEntitiesRead(read === undefined ? (data as Data) : writtenBack(data as Data, read));
}

function writtenBack({ decision }: Data, { context, entities, local }: NonNullable<ReadData['read']>): Data {
  const written = local.map(({ attributes, parents, reference }) => ({
    attrs: recordToJson(attributes),
    parents: parents.map(({ id, type }) => ({ id, type })),
    uid: { id: reference.id, type: reference.type },
  }));
  const input = { ...decision.input, context: recordToJson(context), entities, local: written };
  return { decision: { ...decision, input } };
}

/** As orders are recorded. */
const order = {
  action: 'order:create',
  context: { acr: 'phr' },
  entities: [['Person', 'person:anna', digest]],
  local: [
    {
      attrs: {
        approvals: { supervisor: 1 },
        notional: { __extn: { arg: '12.50', fn: 'decimal' } },
      },
      parents: [],
      uid: { id: 'txn-1', type: 'Transaction' },
    },
  ],
  principal: { id: 'person:anna', type: 'Person' },
  resource: { id: 'txn-1', type: 'Transaction' },
  v: 1,
};

describe('reading records of decisions', () => {
  it('gives two records with the same list the same list', () => {
    const read = createRecordReader(schema);
    const first = read(recordWith(order)).read?.entities;
    expect(first).toEqual([{ uid: { type: 'Person', id: 'person:anna' }, digest }]);
    expect(read(recordWith({ ...order, context: {} })).read?.entities).toBe(first);
  });

  it('reads what was asked into values, and the rest as it is', () => {
    const text = recordWith(order, { subject: { id: 'person:anna' } });
    expect(createRecordReader(schema)(text).read?.context.names).toEqual(['acr']);
    expect(readBy(text)).toEqual(parsedWhole(text));
  });

  it.each([
    ['limits', { limits: { outcome: 'reserved' } }],
    ['an attribute that is not declared', { context: { acr: 'phr', more: 1 } }],
    ['an action that is not declared', { action: 'order:split' }],
    ['an entity that is not declared', { local: [{ attrs: {}, parents: [], uid: { id: 'r', type: 'Robot' } }] }],
    ['text with an escape in it', { context: { acr: '"' } }],
    ['a second context', { principal: { id: '","context":{},"entities":[["', type: 'Person' } }],
  ])('parses a record with %s', (_, change) => {
    const text = recordWith({ ...order, ...change });
    expect(readBy(text)).toEqual(parsedWhole(text));
  });

  it('is not misled by an input that is not the decision’s, nor by one of two', () => {
    const within = JSON.stringify({
      v: 1,
      data: { before: { input: order }, decision: { input: { ...order, v: 2 } } },
    });
    expect(readBy(within)).toEqual(parsedWhole(within));
    const twice = recordWith(order).replace('"v":1}}}', '"v":1,"context":{"acr":"pwd"}}}}');
    expect(readBy(twice)).toEqual(parsedWhole(twice));
    const cut = recordWith(order).slice(0, -1);
    expect(createRecordReader(schema)(cut)).toEqual({ data: undefined });
  });

  it.each([
    ['an empty list', recordWith({ entities: [], v: 1 })],
    ['a list of other things', recordWith({ entities: [[1]], v: 1 })],
    ['a list within the context', recordWith({ context: { entities: [['a']], b: 1 }, entities: [], v: 1 })],
    [
      'one within the context and one of its own',
      recordWith({ context: { entities: [['a']], b: 1 }, entities: [['T', 'i', digest]], v: 1 }),
    ],
    ['an id that looks like the end of a list', recordWith({ entities: [['T', 'x]],', digest]], v: 1 })],
    [
      'text that looks like a list',
      recordWith({ action: '"entities":[["T","i","d"]],"', entities: [['T', 'i', digest]], v: 1 }),
    ],
    [
      'data that is not the last member',
      JSON.stringify({ data: { decision: { input: { entities: [['T', 'i', digest]], v: 1 } } }, z: 1 }),
    ],
    [
      'data within another member',
      recordWith({ entities: [['T', 'i', digest]], v: 1 }, { authentication: { a: 1, data: { x: 1 } } }),
    ],
  ])('is not misled by %s', (_, text) => {
    expect(readBy(text)).toEqual(parsedWhole(text));
  });

  it('gives what parsing the whole gives, whatever is in the record', () => {
    const word = fc.oneof(fc.string(), fc.constantFrom('entities', ']],"', '"entities":[["', ',"data":{', 'data'));
    const json = fc.jsonValue({ maxDepth: 3 });
    const entity = fc.oneof(fc.tuple(word, word, fc.constant(digest)), json);
    const input = fc.record({
      action: fc.constant('order:create'),
      context: fc.oneof(fc.constant(order.context), fc.dictionary(word, json)),
      entities: fc.array(entity),
      local: fc.oneof(fc.constant(order.local), json),
      principal: word,
    });
    fc.assert(
      fc.property(input, fc.dictionary(word, json), (document, more) => {
        const text = recordWith({ ...document, v: 1 }, more);
        expect(readBy(text)).toEqual(parsedWhole(text));
      }),
      { numRuns: 300 },
    );
  });

  it.each(['', '{', 'null', '[]', '{"data":1}', '"entities":[[]],"'])('has nothing of %j', (text) => {
    expect(createRecordReader(schema)(text)).toEqual({ data: text === '{"data":1}' ? 1 : undefined });
  });
});
