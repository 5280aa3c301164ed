import { describe, expect, it } from 'vitest';
import { networkOf } from './network-of.ts';

describe('networks used for counting by address', () => {
  it.each([
    ['2001:db8::1', '2001:db8:0:0'],
    ['2001:0db8:0000:0001::', '2001:db8:0:1'],
    ['::1', '0:0:0:0'],
    ['::ffff:192.0.2.7', '::ffff:192.0.2.7'],
    ['192.0.2.7', '192.0.2.7'],
    [undefined, 'unknown'],
  ])('map %s to %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});
