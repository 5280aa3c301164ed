import { isCodedError } from '@countersign/kernel';
import { isoCBOR } from '@simplewebauthn/server/helpers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Cbor, readCbor, readCborItem, writeCbor } from './cbor.ts';

const leaf = fc.oneof(
  fc.integer({ min: -0x1_0000_0000, max: 0xffff_ffff }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.boolean(),
  fc.constant(null),
  fc.uint8Array({ maxLength: 300 }),
);
const key = fc.oneof(fc.integer({ min: -300, max: 70_000 }), fc.string({ maxLength: 8 }));
const { item } = fc.letrec<{ item: Cbor }>((tie) => ({
  item: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie('item'), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie('item')), { maxLength: 4 }).map((members) => new Map(members)),
  ),
}));

describe('CBOR', () => {
  it('is read back unchanged by us and by the library', () => {
    fc.assert(
      fc.property(item, (value) => {
        const octets = writeCbor(value);
        expect(readCbor(octets)).toEqual(value);
        expect(isoCBOR.decodeFirst(octets)).toEqual(value);
      }),
    );
  });

  it('has one encoding: reading and writing return the same octets', () => {
    fc.assert(
      fc.property(item, fc.nat(), fc.nat(255), (value, at, octet) => {
        const octets = writeCbor(value);
        octets[at % octets.length] = octet;
        try {
          expect(writeCbor(readCbor(octets))).toEqual(octets);
        } catch (error) {
          expect(isCodedError(error, 'credential_malformed')).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ['nothing', ''],
    ['a length of indefinite size', '5fff'],
    ['a list of indefinite size', '9fff'],
    ['a map of indefinite size', 'bfff'],
    ['a tag', 'c000'],
    ['a float', 'f93c00'],
    ['undefined', 'f7'],
    ['a number of 64 bits', '1b0000000000000001'],
    ['a number that is written too long', '190017'],
    ['a small number in two octets', '1801'],
    ['text that is cut off', '6361'],
    ['text that is not UTF-8', '61ff'],
    ['a key twice', 'a200000001'],
    ['a key that is a list', 'a18000'],
    ['a list that claims a million items', '9a000f4240'],
    ['octets that claim four gigabytes', '5affffffff'],
    ['something behind it', '0000'],
    ['more depth than anything has', '81'.repeat(10).concat('00')],
    ['depth without end', '81'.repeat(30_000)],
  ])('is refused: %s', (_what, hex) => {
    expect(() => readCbor(Buffer.from(hex, 'hex'))).toThrow('credential_malformed');
  });

  it('returns a value or a coded error for arbitrary octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => {
        try {
          readCborItem(octets, 0);
        } catch (error) {
          expect(isCodedError(error, 'credential_malformed')).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
