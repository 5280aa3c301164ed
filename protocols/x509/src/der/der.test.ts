import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDer, readDerSequence, tags } from './der-reader.ts';
import { readCertificateTime, readGeneralizedTime } from './der-time.ts';
import {
  derBoolean,
  derCertificateTime,
  derElement,
  derGeneralizedTime,
  derInteger,
  derNamedBits,
  derObjectIdentifier,
  derOctetString,
  derSequence,
  derSetOf,
} from './der-writer.ts';
import {
  readBitOctets,
  readBoolean,
  readInteger,
  readNamedBits,
  readObjectIdentifier,
  readText,
  readUtf8,
} from './read-values.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const one = (octets: Uint8Array) => readDer(octets).any();
const content = (octets: Uint8Array, tag: number = tags.octetString) => one(derElement(tag, octets));

describe('the DER reader', () => {
  it('reads what the writer wrote, at any length', () => {
    for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536]) {
      const octets = new Uint8Array(length).fill(7);
      const reader = readDerSequence(derSequence(derOctetString(octets), derBoolean(true)));
      expect(reader.next(tags.octetString).content.length).toBe(length);
      expect(readBoolean(reader.next(tags.boolean))).toBe(true);
      reader.end();
    }
  });

  it.each([
    ['an indefinite length', '30 80 00 00'],
    ['a length that is not minimal', '04 81 01 00'],
    ['a length with a leading zero', '04 82 00 81 00'],
    ['a length of four octets', '04 84 00 00 00 01 00'],
    ['an incomplete length', '04 82 01'],
    ['an element that reaches past the end', '04 05 00'],
    ['a tag number over 30', '1f 01 00'],
    ['empty input', ''],
    ['an identifier without a length', '04'],
  ])('refuses %s', (_, octets) => {
    expect(() => readDer(hex(octets)).any()).toThrow('der_malformed');
  });

  it('refuses an unexpected tag, and octets after the last element', () => {
    expect(() => readDer(derInteger(1)).next(tags.boolean)).toThrow('tag 0x02 at offset 0, expected 0x01');
    expect(() => readDerSequence(hex('30 00 00'))).toThrow('der_malformed');
    const reader = readDerSequence(derSequence(derInteger(1)));
    expect(reader.optional(tags.boolean)).toBeUndefined();
    expect(() => reader.end()).toThrow('3 unexpected octets at the end');
  });

  it('throws only der_malformed for arbitrary input', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (octets) => {
        try {
          const reader = readDer(octets);
          while (!reader.done) reader.any();
        } catch (error) {
          expect(error).toMatchObject({ code: 'der_malformed' });
        }
      }),
    );
  });
});

describe('a value', () => {
  it('of an integer survives writing and reading', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 160n), max: 2n ** 160n }), (value) => {
        expect(readInteger(one(derInteger(value)))).toBe(value);
      }),
    );
    expect(derInteger(0)).toEqual(hex('020100'));
    expect(derInteger(127)).toEqual(hex('02017f'));
    expect(derInteger(128)).toEqual(hex('02020080'));
    expect(derInteger(-128)).toEqual(hex('020180'));
    expect(derInteger(-129)).toEqual(hex('0202ff7f'));
  });

  it('of an integer is refused if it is not minimal, too large or empty', () => {
    for (const octets of ['02 02 00 7f', '02 02 ff 80', '02 00'])
      expect(() => readInteger(one(hex(octets)))).toThrow('der_malformed');
    expect(() => readInteger(one(derInteger(2n ** 168n)))).toThrow('too large');
  });

  it('of an object identifier survives writing and reading, also with a UUID', () => {
    for (const dotted of [
      '0.0',
      '1.2.840.113549.1.9.16.1.4',
      '2.5.29.37',
      '2.999.3',
      '2.25.329800735698586629295641978511506172918',
    ])
      expect(readObjectIdentifier(one(derObjectIdentifier(dotted)))).toBe(dotted);
    // X.690 section 8.19.5.
    expect(derObjectIdentifier('2.100.3')).toEqual(hex('06 03 81 34 03'));
  });

  it('of an object identifier is refused if it is invalid', () => {
    for (const octets of ['06 00', '06 01 80', '06 02 80 01', '06 02 55 9d'])
      expect(() => readObjectIdentifier(one(hex(octets)))).toThrow('der_malformed');
    for (const dotted of ['', '1', '3.1', '1.40', '1.2.', '1.02', 'x', '1.2.-3'])
      expect(() => derObjectIdentifier(dotted)).toThrow('der_malformed');
  });

  it('of a boolean is 00 or FF', () => {
    expect(readBoolean(content(Uint8Array.of(0)))).toBe(false);
    for (const octets of ['01', 'ffff', '']) expect(() => readBoolean(content(hex(octets)))).toThrow('der_malformed');
  });

  it('of named bits has no trailing zero bits', () => {
    expect(derNamedBits([])).toEqual(hex('03 01 00'));
    expect(derNamedBits([0])).toEqual(hex('03 02 07 80'));
    expect(derNamedBits([25])).toEqual(hex('03 05 06 00 00 00 40'));
    expect([...readNamedBits(one(derNamedBits([1, 8, 25])))]).toEqual([1, 8, 25]);
    expect(() => readNamedBits(content(Uint8Array.of(8, 1)))).toThrow('der_malformed');
    expect(() => readBitOctets(content(Uint8Array.of(1, 2)))).toThrow('der_malformed');
  });

  it('of a UTF8String must be UTF-8', () => {
    expect(readUtf8(content(Buffer.from('Zeit — ☃')))).toBe('Zeit — ☃');
    expect(() => readUtf8(content(Uint8Array.of(0xff)))).toThrow('der_malformed');
  });

  it.each([
    ['UTF8String', '0c02c3bc', 'ü'],
    ['PrintableString', '130144', 'D'],
    ['TeletexString', '1401fc', 'ü'],
    ['BMPString', '1e0200fc', 'ü'],
    ['UTF8String that is not UTF-8', '0c01fc', undefined],
    ['PrintableString beyond ASCII', '1301fc', undefined],
    ['BMPString of odd length', '1e0100', undefined],
    ['BMPString with half a surrogate pair', '1e02d800', undefined],
    ['OCTET STRING', '040144', undefined],
  ])('of a %s is read as text only if the type allows it', (_, octets, text) => {
    expect(readText(one(hex(octets)))).toBe(text);
  });

  it('of a SET OF is sorted by the encodings', () => {
    expect(derSetOf(tags.set, [derInteger(300), derInteger(2), derInteger(1)])).toEqual(
      hex('31 0a 02 01 01 02 01 02 02 02 01 2c'),
    );
  });
});

describe('a time', () => {
  const generalized = (text: string) => readGeneralizedTime(content(Buffer.from(text), tags.generalizedTime));

  it('keeps its fraction', () => {
    expect(generalized('20261121093000Z')).toEqual({
      text: '2026-11-21T09:30:00Z',
      milliseconds: Date.parse('2026-11-21T09:30:00Z'),
    });
    expect(generalized('20261121093000.123456789Z')).toEqual({
      text: '2026-11-21T09:30:00.123456789Z',
      milliseconds: Date.parse('2026-11-21T09:30:00.123Z'),
    });
  });

  it.each([
    '20261121093000',
    '20261121093000.Z',
    '20261121093000.10Z',
    '20261121093000.1234567891Z',
    '202611210930Z',
    '20261121093000+0100',
    '20260230093000Z',
    '20261121240000Z',
    '20261121093060Z',
    '',
  ])('is refused as %s', (text) => {
    expect(() => generalized(text)).toThrow('der_malformed');
  });

  it('is written with milliseconds and without trailing zeros', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Date.parse('2099-01-01T00:00:00Z') }), (at) => {
        expect(readGeneralizedTime(one(derGeneralizedTime(at))).milliseconds).toBe(at);
      }),
    );
    expect(Buffer.from(derGeneralizedTime(Date.parse('2026-11-21T09:30:00.120Z'))).toString()).toContain(
      '20261121093000.12Z',
    );
  });

  it('of a certificate has a two-digit year up to 2049', () => {
    for (const text of ['1950-01-01T00:00:00Z', '1999-12-31T23:59:59Z', '2049-12-31T23:59:59Z', '2050-01-01T00:00:00Z'])
      expect(readCertificateTime(one(derCertificateTime(Date.parse(text))))).toBe(Date.parse(text));
    expect(one(derCertificateTime(Date.parse('2049-12-31T23:59:59Z'))).tag).toBe(tags.utcTime);
    expect(one(derCertificateTime(Date.parse('2050-01-01T00:00:00Z'))).tag).toBe(tags.generalizedTime);
    expect(() => readCertificateTime(one(derInteger(1)))).toThrow('der_malformed');
  });
});
