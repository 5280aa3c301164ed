import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isInternalAddress, isLoopbackAddress } from './outbound-address.ts';

describe('an address is internal', () => {
  it.each([
    ['our own machine', ['127.0.0.1', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1', '0.0.0.0', '::']],
    [
      'a private network',
      ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', 'fc00::1', 'fd12::1'],
    ],
    ['the local link', ['169.254.1.1', 'fe80::1', 'fe80::1%eth0', 'fec0::1']],
    [
      'a metadata service',
      ['169.254.169.254', '169.254.170.2', '100.100.100.200', '168.63.129.16', '192.0.0.192', 'fd00:ec2::254'],
    ],
    ['multicast, reserved and broadcast', ['224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255', 'ff02::1']],
    [
      'for documents and measurements',
      ['192.0.2.1', '198.51.100.1', '203.0.113.1', '198.18.0.1', '2001:db8::1', '3fff::1'],
    ],
    [
      'IPv4 mapped into IPv6',
      ['::ffff:127.0.0.1', '::ffff:a00:1', '::ffff:169.254.169.254', '0:0:0:0:0:FFFF:C0A8:0101'],
    ],
    [
      'IPv4 behind NAT64',
      ['64:ff9b::7f00:1', '64:ff9b::169.254.169.254', '64:ff9b::10.0.0.1', '64:ff9b::1', '64:ff9b:1::1'],
    ],
    ['IPv4 inside a tunnel', ['2002:7f00:1::', '2002:a00:1::1', '2001:0:4136:e378:8000:63bf:3fff:fdd2', '::127.0.0.1']],
    ['not an address', ['', 'localhost', '127.1', '0x7f000001', '2130706433', '1.2.3', '::1::']],
  ])('when it is %s', (_, addresses) => {
    for (const address of addresses) expect(isInternalAddress(address), address).toBe(true);
  });

  it('and not when it is public, also mapped and behind NAT64', () => {
    for (const address of [
      '1.1.1.1',
      '9.9.9.9',
      '11.0.0.1',
      '93.184.215.14',
      '100.128.0.1',
      '172.32.0.1',
      '192.169.0.1',
      '223.255.255.255',
      '2606:4700::1111',
      '2a00:1450:4001::1',
      '2001:4860:4860::8888',
      '::ffff:1.1.1.1',
      '64:ff9b::101:101',
    ])
      expect(isInternalAddress(address), address).toBe(false);
  });

  it('however an IPv4 address is embedded in IPv6', () => {
    const byte = fc.nat({ max: 255 });
    fc.assert(
      fc.property(byte, byte, byte, byte, (a, b, c, d) => {
        const plain = `${a}.${b}.${c}.${d}`;
        const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
        for (const carried of [`::ffff:${plain}`, `::ffff:${hex}`, `64:ff9b::${plain}`, `64:ff9b:0:0:0:0:${hex}`])
          expect(isInternalAddress(carried), carried).toBe(isInternalAddress(plain));
        expect(isLoopbackAddress(`::ffff:${plain}`)).toBe(a === 127);
      }),
    );
  });
});

describe('an address is loopback', () => {
  it('only when it is of this machine', () => {
    for (const address of ['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1'])
      expect(isLoopbackAddress(address)).toBe(true);
    for (const address of [
      '10.0.0.1',
      '169.254.169.254',
      '::',
      '::2',
      'fe80::1%lo',
      '0.0.0.0',
      'localhost',
      '128.0.0.1',
    ])
      expect(isLoopbackAddress(address), address).toBe(false);
  });
});
