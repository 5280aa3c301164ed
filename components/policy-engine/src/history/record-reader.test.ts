import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRecordReader } from './record-reader.ts';
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

function readBy(text: string): unknown {
  return withEntitiesRead(createRecordReader()(text) as Data);
}

describe('reading records of decisions', () => {
  it('gives two records with the same list the same list', () => {
    const read = createRecordReader();
    const entities = [['Person', 'person:anna', digest]];
    const listIn = (value: unknown) => (value as Data).decision.input.entities;
    const first = listIn(read(recordWith({ context: { n: 1 }, entities, v: 1 })));
    expect(first).toEqual([{ uid: { type: 'Person', id: 'person:anna' }, digest }]);
    expect(listIn(read(recordWith({ context: { n: 2 }, entities, v: 1 })))).toBe(first);
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
      context: fc.dictionary(word, json),
      entities: fc.array(entity),
      local: json,
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
    expect(createRecordReader()(text)).toBe(text === '{"data":1}' ? 1 : undefined);
  });
});
