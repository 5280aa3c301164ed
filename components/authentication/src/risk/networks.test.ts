import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseNetworks } from './networks.ts';
import { distanceKm, isImpossible } from './travel.ts';

const file = `# where our networks are
192.0.2.0/24,50.11,8.68,DE
192.0.2.128/25,51.51,-0.13,GB
192.0.2.200/32,,,
2001:db8::/32,40.71,-74.01,US
2001:db8:ffff::/48,,,

198.51.100.0/24,-33.87,151.21,AU\r
`;

describe('a file of networks', () => {
  it('finds an address by its longest matching prefix', () => {
    const networks = parseNetworks(file);
    const country = (address: string) => networks.placeOf(address)?.country;
    expect(networks.placeOf('192.0.2.7')).toEqual({ latitude: 50.11, longitude: 8.68, country: 'DE' });
    expect(country('192.0.2.129')).toBe('GB');
    expect(country('::ffff:192.0.2.129')).toBe('GB');
    expect(country('::ffff:c000:281')).toBe('GB');
    expect(country('198.51.100.255')).toBe('AU');
    expect(country('2001:db8:0:1::9')).toBe('US');
  });

  it('returns nothing for networks without a location, unlisted networks, and invalid addresses', () => {
    const { placeOf } = parseNetworks(file);
    for (const address of [
      '192.0.2.200',
      '2001:db8:ffff::1',
      '10.0.0.1',
      '::1',
      '',
      'localhost',
      '192.0.2.7:80',
      'fe80::1%eth0',
    ])
      expect(placeOf(address)).toBeUndefined();
  });

  it.each([
    ['no prefix', '192.0.2.0,1,1,DE'],
    ['a prefix that is too long', '192.0.2.0/33,1,1,DE'],
    ['bits beyond the prefix', '192.0.2.1/24,1,1,DE'],
    ['a name', 'example.com/24,1,1,DE'],
    ['a latitude beyond the pole', '192.0.2.0/24,90.1,1,DE'],
    ['a longitude that is not a number', '192.0.2.0/24,1,x,DE'],
    ['one coordinate alone', '192.0.2.0/24,1,,DE'],
    ['no country', '192.0.2.0/24,1,1,Germany'],
    ['too many members', '192.0.2.0/24,1,1,DE,x'],
    ['a network twice', '192.0.2.0/24,1,1,DE\n192.0.2.0/24,2,2,DE'],
    ['a line without end', `192.0.2.0/24,1,1,DE${' '.repeat(300)}`],
  ])('is refused with %s', (_what, text) => {
    expect(() => parseNetworks(text)).toThrow(expect.objectContaining({ code: 'configuration_invalid' }));
  });

  it('matches every address of a network and no other', () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.integer({ min: 1, max: 32 }), fc.nat(0xffff_ffff), (base, length, other) => {
        const text = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
        const mask = (0xffff_ffff << (32 - length)) >>> 0;
        const network = (base & mask) >>> 0;
        const { placeOf } = parseNetworks(`${text(network)}/${length},1,2,DE`);
        const within = ((other & ~mask) | network) >>> 0;
        expect(placeOf(text(within))).toBeDefined();
        expect(placeOf(text(other)) !== undefined).toBe((other & mask) >>> 0 === network);
      }),
    );
  });

  it('reads any input or refuses it with its own error', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789abcf:./,-\n#DE ') }), (text) => {
        try {
          expect(parseNetworks(text).placeOf('192.0.2.1') ?? 'nothing').toBeDefined();
        } catch (error) {
          expect(error).toMatchObject({ code: 'configuration_invalid' });
        }
      }),
    );
  });
});

describe('travel', () => {
  const frankfurt = { latitude: 50.11, longitude: 8.68 };
  const newYork = { latitude: 40.71, longitude: -74.01 };
  const limits = { speedKmPerHour: 1_000, distanceKm: 500 };

  it('is measured along the great circle, also across the date line', () => {
    expect(distanceKm(frankfurt, newYork)).toBeGreaterThan(6_150);
    expect(distanceKm(frankfurt, newYork)).toBeLessThan(6_250);
    expect(distanceKm({ latitude: 0, longitude: 179.9 }, { latitude: 0, longitude: -179.9 })).toBeLessThan(23);
  });

  it.each([
    [5, true],
    [7, false],
  ])('to New York within %i hours is impossible: %s', (hours, impossible) => {
    expect(isImpossible({ ...frankfurt, at: 0 }, { ...newYork, at: hours * 3_600_000 }, limits)).toBe(impossible);
  });

  it('within the minimum distance is ignored, however fast', () => {
    const wiesbaden = { latitude: 50.08, longitude: 8.24, at: 0 };
    expect(isImpossible({ ...frankfurt, at: 0 }, wiesbaden, limits)).toBe(false);
  });
});
