import { isCodedError } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeEntryBundle, encodeEntryBundle, maxEntrySize } from './index.ts';

const entries = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 256 });

describe('entry bundle', () => {
  it('has a big-endian length before each entry', () => {
    const bundle = encodeEntryBundle([Buffer.from('one'), Buffer.alloc(0), Buffer.alloc(258, 7)]);
    expect(bundle.subarray(0, 9).toString('hex')).toBe('00036f6e6500000102');
  });

  it('is read back as the entries that were written', () => {
    fc.assert(
      fc.property(entries, (written) => {
        const decoded = decodeEntryBundle(encodeEntryBundle(written), written.length);
        expect(decoded).toEqual({ ok: true, entries: written.map((entry) => Buffer.from(entry)) });
      }),
    );
  });

  it('is refused if its bytes do not hold exactly the entries its path promises', () => {
    fc.assert(
      fc.property(entries, fc.nat(), (written, cut) => {
        const bundle = encodeEntryBundle(written);
        const short = bundle.subarray(0, cut % bundle.length);
        expect(decodeEntryBundle(short, written.length)).toEqual({ ok: false, reason: 'truncated' });
        expect(decodeEntryBundle(bundle, written.length + 1)).toEqual({ ok: false, reason: 'truncated' });
        expect(decodeEntryBundle(bundle, written.length - 1)).toEqual({ ok: false, reason: 'trailing_bytes' });
      }),
    );
  });

  it('returns a union for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.nat(256), (bytes, width) => {
        const decoded = decodeEntryBundle(bytes, width);
        if (decoded.ok && width > 0) expect(encodeEntryBundle(decoded.entries)).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it('accepts an entry of 65,535 bytes and refuses a longer one', () => {
    expect(encodeEntryBundle([Buffer.alloc(maxEntrySize)])).toHaveLength(65_537);
    expect(() => encodeEntryBundle([Buffer.alloc(maxEntrySize + 1)])).toThrow(
      expect.toSatisfy((error) => isCodedError(error, 'entry_too_large')),
    );
  });

  it('is never empty and never wider than a tile', () => {
    for (const count of [0, 257])
      expect(() => encodeEntryBundle(Array.from({ length: count }, () => Buffer.alloc(1)))).toThrow(
        expect.toSatisfy((error) => isCodedError(error, 'tile_out_of_range')),
      );
  });
});
