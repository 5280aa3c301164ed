import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDerElements, readDerText, readObjectIdentifier } from './der.ts';

const bytes = (hex: string) => Buffer.from(hex, 'hex');

describe('the DER reader', () => {
  it('reads elements one after another, with short and long lengths', () => {
    const long = Buffer.concat([bytes('048180'), Buffer.alloc(128, 1)]);
    const longer = Buffer.concat([bytes('04820100'), Buffer.alloc(256, 2)]);
    const read = readDerElements(Buffer.concat([bytes('0500'), bytes('020107'), long, longer]));
    expect(read?.map(({ tag, content }) => [tag, content.length])).toEqual([
      [5, 0],
      [2, 1],
      [4, 128],
      [4, 256],
    ]);
    expect(read?.[2]?.encoding).toEqual(long);
    expect(readDerElements(Buffer.alloc(0))).toEqual([]);
  });

  it.each([
    ['a tag alone', '02'],
    ['a length past the end', '020207'],
    ['an indefinite length', '30800000'],
    ['a length that is longer than it need be', '04810101'],
    ['a length with a leading zero', `04820080${'00'.repeat(128)}`],
    ['a length of four octets', '048400000001aa'],
    ['a length that is cut off', '0482'],
    ['a tag number over 30', '1f810100'],
    ['something behind the last element', '050002'],
  ])('refuses %s', (_, hex) => {
    expect(readDerElements(bytes(hex))).toBeUndefined();
  });

  it('never reads past what it was given, and leaves nothing out', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (octets) => {
        const read = readDerElements(Buffer.from(octets));
        if (read !== undefined)
          expect(Buffer.concat(read.map(({ encoding }) => encoding))).toEqual(Buffer.from(octets));
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ['550403', '2.5.4.3'],
    ['2a864886f70d010901', '1.2.840.113549.1.9.1'],
    ['0992268993f22c640119', '0.9.2342.19200300.100.1.25'],
    ['883703', '2.999.3'],
  ])('reads the object identifier %s as %s', (hex, dotted) => {
    expect(readObjectIdentifier(bytes(hex))).toBe(dotted);
  });

  it.each(['', '80', '5580', '558001', 'ff'.repeat(12)])('refuses %j as an object identifier', (hex) => {
    expect(readObjectIdentifier(bytes(hex))).toBeUndefined();
  });

  it.each([
    ['UTF8String', '0c02c3bc', 'ü'],
    ['PrintableString', '130144', 'D'],
    ['TeletexString', '1401fc', 'ü'],
    ['BMPString', '1e0200fc', 'ü'],
    ['UTF8String that is no UTF-8', '0c01fc', undefined],
    ['PrintableString beyond ASCII', '1301fc', undefined],
    ['BMPString of odd length', '1e0100', undefined],
    ['BMPString with half a surrogate pair', '1e02d800', undefined],
    ['OCTET STRING', '040144', undefined],
  ])('reads the text of a %s', (_, hex, text) => {
    const [element] = readDerElements(bytes(hex)) ?? [];
    expect(element === undefined ? 'no element' : readDerText(element)).toBe(text);
  });
});
