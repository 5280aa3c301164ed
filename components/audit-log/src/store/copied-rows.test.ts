import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCopiedRows } from './copied-rows.ts';

const header = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);
const trailer = Buffer.from([0xff, 0xff]);

function row(number: bigint, bytes: Uint8Array | undefined, fields = 2): Buffer {
  const head = Buffer.alloc(18);
  head.writeInt16BE(fields, 0);
  head.writeInt32BE(8, 2);
  head.writeBigInt64BE(number, 6);
  head.writeInt32BE(bytes?.length ?? -1, 14);
  return Buffer.concat([head, bytes ?? Buffer.alloc(0)]);
}
const copied = (...rows: readonly Buffer[]): Buffer => Buffer.concat([header, ...rows, trailer]);

describe('copied rows', () => {
  it('are read as they were written', () => {
    const anyRow = fc.record({
      number: fc.maxSafeInteger(),
      bytes: fc.option(fc.uint8Array({ maxLength: 50 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(anyRow, { maxLength: 10 }), (rows) => {
        const read = readCopiedRows(copied(...rows.map(({ number, bytes }) => row(BigInt(number), bytes))), 50);
        expect(read.map(({ number, bytes }) => ({ number, bytes: bytes && Uint8Array.from(bytes) }))).toEqual(rows);
      }),
    );
  });

  it('are refused if cut off anywhere or followed by anything', () => {
    const whole = copied(row(1n, Buffer.from('abc')), row(2n, undefined));
    for (let length = 0; length < whole.length; length++)
      expect(() => readCopiedRows(whole.subarray(0, length), 10), String(length)).toThrow('cannot be read');
    expect(() => readCopiedRows(Buffer.concat([whole, Buffer.from([0])]), 10)).toThrow('cannot be read');
  });

  it('are refused if they are not rows of a number and bytes', () => {
    const flagged = copied();
    flagged.writeUInt32BE(1 << 16, 11);
    const otherNumber = row(1n, undefined);
    otherNumber.writeInt32BE(4, 2);
    const negative = row(1n, undefined);
    negative.writeInt32BE(-2, 14);
    const larger = row(1n, Buffer.from('abc'));
    larger.writeInt32BE(2_000_000_000, 14);
    for (const [what, bytes] of [
      ['another beginning', Buffer.concat([Buffer.from('HTTP/1.1 400'), copied()])],
      ['an extension', flagged],
      ['another number of fields', copied(row(1n, undefined, 3))],
      ['another kind of number', copied(otherNumber)],
      ['a number that is too large', copied(row(2n ** 60n, undefined))],
      ['a negative length', copied(negative)],
      ['more bytes than there are', copied(larger)],
      ['more bytes than a row may have', copied(row(1n, Buffer.alloc(11)))],
    ] as const)
      expect(() => readCopiedRows(bytes, 10), what).toThrow('cannot be read');
  });
});
