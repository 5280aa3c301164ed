import { putBack, readPointer, takeOut } from '@countersign/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commitmentsIn, idIn, putBackText } from './restore-text.ts';

const id = 'rec_01k9z3m8q4d6s0v2x5y7a9b1c3';
const head = { v: 2, time: '2026-11-21T09:30:00.000Z', stream: 'src_1', number: 1 };
const commitment = { kind: 'strategy', key: 'key_a', commitment: 'c', ciphertext: 'd' };

/** JSON with what a text is likely to be cut at by mistake. */
const anyText = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('"', '\\', '\\"', '}}}', ',"protected":{', '"}}}'),
);
const anyMembers = fc.dictionary(
  fc.stringMatching(/^x[a-z]{1,3}$/),
  fc.oneof(
    anyText,
    fc.integer(),
    fc.constant(null),
    fc.array(anyText, { maxLength: 3 }),
    fc.dictionary(anyText, anyText),
  ),
);

describe('a value put back into the text of a record', () => {
  it('gives the record that was meant, wherever in data the value belongs and whatever stands beside it', () => {
    fc.assert(
      fc.property(anyMembers, anyMembers, anyMembers, fc.json(), (beside, outer, inner, json) => {
        const value = JSON.stringify(JSON.parse(json));
        const record = { ...head, ...beside, id, data: { ...outer, decision: { ...inner } } };
        for (const path of ['/data/PRICE', '/data/decision/PRICE', '/address']) {
          const filled = putBackText(JSON.stringify(record), path, value);
          expect(JSON.parse(filled ?? 'null')).toEqual(putBack(record, readPointer(path) ?? [], JSON.parse(value)));
        }
      }),
    );
  });

  it('leaves what a record ends with at its end', () => {
    const text = JSON.stringify({ ...head, id, data: { decision: {} } });
    expect(putBackText(text, '/address', '"::1"')).toBe(
      JSON.stringify({ v: 2, time: head.time, address: '::1', stream: 'src_1', number: 1, id, data: { decision: {} } }),
    );
    expect(putBackText(text, '/data/decision/input', '{}')).toMatch(/"data":\{"decision":\{"input":\{\}\}\}\}$/);
  });

  it.each(['/data', '/data/', '/id', '/data/a~1b', '/data/missing/x', '/data/list/x', '', 'data/x'])(
    'is not put where %s leads',
    (path) => {
      expect(putBackText(JSON.stringify({ ...head, id, data: { list: [] } }), path, '1')).toBeUndefined();
    },
  );
});

describe('the commitments of a record', () => {
  it('are found at its end, and nowhere else', () => {
    fc.assert(
      fc.property(anyMembers, (data) => {
        const open = JSON.stringify({ ...head, id, data });
        expect(commitmentsIn(open)).toBeUndefined();
        const commitments = { '/address': commitment, '/data/x': commitment };
        const text = JSON.stringify({ ...head, id, data, protected: commitments });
        expect(commitmentsIn(text)).toEqual({ from: open.length - 1, commitments });
      }),
    );
    for (const data of [
      { protected: { a: { b: 'c' } } },
      { protected: { a: 'b"}}}' } },
      { x: { protected: { a: 'c' } } },
    ])
      expect(commitmentsIn(JSON.stringify({ ...head, id, data }))).toBeUndefined();
  });

  it('are of the record whose id its own member says', () => {
    const other = id.replace('c3', 'c4');
    const text = JSON.stringify({ ...head, data: { id: other, text: `,"id":"${other}"` }, id });
    expect(idIn(text)).toBe(id);
    expect(idIn('{}')).toBeUndefined();
    expect(idIn('no record')).toBeUndefined();
  });
});

describe('places', () => {
  it('are emptied as they were filled', () => {
    const record = { data: { a: { b: 1 } }, address: 'x' };
    for (const path of ['/data/a/secret', '/data/secret']) {
      const filled = putBack(record, readPointer(path) ?? [], 'here');
      expect(filled).not.toEqual(record);
      expect(takeOut(filled ?? {}, readPointer(path) ?? [])).toEqual(record);
    }
    expect(takeOut(record, ['data', 'a', 'b', 'c'])).toEqual(record);
    expect(takeOut(record, ['nowhere'])).toBe(record);
  });

  it('are not filled twice, and nothing is made on the way', () => {
    const record = { data: { a: 1, list: [] } };
    for (const names of [['data', 'a'], ['data', 'a', 'b'], ['data', 'missing', 'b'], ['data', 'list', 'b'], []])
      expect(putBack(record, names, 'x')).toBeUndefined();
  });
});
