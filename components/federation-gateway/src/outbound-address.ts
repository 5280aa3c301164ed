import { BlockList, isIP } from 'node:net';

/**
 * Our own machine, private and link-local networks, cloud metadata services, and everything else outside the public
 * internet (RFC 6890). IPv4 inside IPv6 is judged as IPv4.
 *
 * @param address from the resolver; text that is no address counts as internal
 */
export function isInternalAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return internal4.check(address, 'ipv4');
    case 6:
      return isInternal6(address);
    default:
      return true;
  }
}

export function isLoopbackAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return address.startsWith('127.');
  if (family !== 6 || address.includes('%')) return false;
  const groups = groupsOf(address);
  const mapped = mappedIn(groups);
  return mapped === undefined ? groups.join(':') === '0:0:0:0:0:0:0:1' : mapped.startsWith('127.');
}

const internal4 = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Link-local, including the metadata service of most clouds.
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  // Multicast, reserved, broadcast.
  ['224.0.0.0', 3],
  // A public address that the host of the virtual machine answers (Azure).
  ['168.63.129.16', 32],
] as const)
  internal4.addSubnet(network, prefix, 'ipv4');

/** Outside the public internet 2000::/3. */
const global6 = new BlockList();
global6.addSubnet('2000::', 3, 'ipv6');
const internal6 = new BlockList();
for (const [network, prefix] of [
  // Protocol assignments, Teredo, benchmarking, ORCHID; documentation; 6to4, which carries any IPv4 address.
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  internal6.addSubnet(network, prefix, 'ipv6');

function isInternal6(address: string): boolean {
  // Only link-local addresses have a zone index.
  if (address.includes('%')) return true;
  const groups = groupsOf(address);
  const carried = mappedIn(groups) ?? translatedIn(groups);
  if (carried !== undefined) return internal4.check(carried, 'ipv4');
  return !global6.check(address, 'ipv6') || internal6.check(address, 'ipv6');
}

/** ::ffff:0:0/96 (RFC 4291 section 2.5.5.2). */
function mappedIn(groups: readonly string[]): string | undefined {
  return groups.slice(0, 6).join(':') === '0:0:0:0:0:ffff' ? lastFourBytes(groups) : undefined;
}

/** 64:ff9b::/96: IPv4 from a network without it (RFC 6052). */
function translatedIn(groups: readonly string[]): string | undefined {
  return groups.slice(0, 6).join(':') === '64:ff9b:0:0:0:0' ? lastFourBytes(groups) : undefined;
}

function lastFourBytes(groups: readonly string[]): string {
  const bytes = groups.slice(6).flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
  return bytes.join('.');
}

/** The URL parser knows every notation. */
function groupsOf(address: string): readonly string[] {
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [left = '', right] = canonical.split('::');
  const split = (half: string): readonly string[] => (half === '' ? [] : half.split(':'));
  if (right === undefined) return split(left);
  const [before, after] = [split(left), split(right)];
  return [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
}
