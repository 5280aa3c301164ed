import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cell, recordLine, recordRow, recordRowHead } from './record-row.ts';

const record = {
  id: 'rec_1',
  type: 'token.issued',
  v: 2,
  time: '2026-11-21T09:30:00.000Z',
  subject: { id: 'person:anna', institution: 'LEI' },
  actors: [{ id: 'service:oms' }, { id: 'service:ems' }],
  data: { text: 'a "quoted", line\nand another' },
};

/** As RFC 4180 reads it. */
function parseRows(text: string): readonly (readonly string[])[] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    rows.at(-1)?.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'));
    if (end !== ',') rows.push([]);
  }
  return rows.slice(0, -1);
}

describe('a table of records', () => {
  it('has a line for each with the same columns, and reads back unchanged', () => {
    const [head = [], row = []] = parseRows(recordRowHead + recordRow({ index: 7n, record }));
    expect(row).toHaveLength(head.length);
    const read = Object.fromEntries(head.map((name, place) => [name, row[place]]));
    expect(read).toMatchObject({
      place: '7',
      subject: 'person:anna',
      actors: 'service:oms service:ems',
      data: JSON.stringify(record.data),
      transaction: '',
    });
  });

  it('holds no value that a spreadsheet would take for a formula', () => {
    for (const text of ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', ' =1', '\n=cmd', '＝1', '\ufeff=1', '=1,"x"'])
      expect(parseRows(`${cell(text)}\r\n`)[0]?.[0]).toBe(`'${text}`);
    expect(cell('person:anna')).toBe('person:anna');
    expect(cell(-1)).toBe('-1');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const written = cell(text);
        expect(written.trimStart().replace(/^"/, '').trimStart()).not.toMatch(/^[=+\-@\t\r]/);
        const [read] = parseRows(`${written}\r\n`)[0] ?? [];
        expect([text, `'${text}`]).toContain(read);
      }),
    );
  });
});

describe('records as lines', () => {
  it('are one JSON text per line, with the position as text', () => {
    const line = recordLine({ index: 2n ** 60n, record });
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(JSON.parse(line)).toEqual({ index: '1152921504606846976', record });
  });
});
