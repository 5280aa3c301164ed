import { isIP } from 'node:net';
import { CodedError } from '@countersign/kernel';
import type { Location } from './travel.ts';

/** Where a network is. */
export interface NetworkPlace extends Location {
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
}

export interface Networks {
  /** By the longest prefix that holds the address; undefined where nothing is known, or is said to be unknown. */
  placeOf(address: string): NetworkPlace | undefined;
}

export const noNetworks: Networks = { placeOf: () => undefined };

const mostLines = 2_000_000;
const longestLine = 200;

/** The place, or null for a network that is known to say nothing; by prefix length, then by the bits of the prefix. */
type Family = Map<number, Map<bigint, NetworkPlace | null>>;

/**
 * Reads a file of networks: a line `network,latitude,longitude,country` each; the last three empty for a network that says
 * nothing about where somebody is. Empty lines and those that begin with `#` are left out.
 *
 * @throws CodedError `configuration_invalid` with the number of the line
 */
export function parseNetworks(text: string): Networks {
  const families: Readonly<Record<4 | 6, Family>> = { 4: new Map(), 6: new Map() };
  let number = 0;
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\n', at);
    const line = text.slice(at, end === -1 ? text.length : end);
    at = end === -1 ? text.length : end + 1;
    number += 1;
    if (number > mostLines) throw invalid(number, `more than ${mostLines} lines`);
    if (line.length > longestLine) throw invalid(number, `longer than ${longestLine} characters`);
    const trimmed = line.trim();
    if (trimmed !== '' && !trimmed.startsWith('#')) addLine(families, trimmed, number);
  }
  // From the longest prefix down: the first that holds the address is the one.
  const lengths = {
    4: [...families[4].keys()].sort((one, other) => other - one),
    6: [...families[6].keys()].sort((one, other) => other - one),
  };
  return {
    placeOf(address) {
      const bits = addressBits(address);
      if (bits === undefined) return undefined;
      for (const length of lengths[bits.family]) {
        const found = families[bits.family].get(length)?.get(bits.value >> BigInt(bits.width - length));
        if (found !== undefined) return found ?? undefined;
      }
      return undefined;
    },
  };
}

function addLine(families: Readonly<Record<4 | 6, Family>>, line: string, number: number): void {
  const parts = line.split(',').map((part) => part.trim());
  const [network = '', latitude, longitude, country, ...more] = parts;
  const [address = '', prefix = '', ...rest] = network.split('/');
  const bits = addressBits(address);
  const length = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  if (parts.length < 4 || more.length > 0 || rest.length > 0 || bits === undefined || !(length <= bits.width))
    throw invalid(number, 'not of the form network,latitude,longitude,country');
  const shift = BigInt(bits.width - length);
  const value = bits.value >> shift;
  if (value << shift !== bits.value) throw invalid(number, 'an address with bits beyond its prefix');
  const family = families[bits.family];
  const ofLength = family.get(length) ?? new Map<bigint, NetworkPlace | null>();
  if (ofLength.has(value)) throw invalid(number, 'a network that is given twice');
  ofLength.set(value, placeIn(latitude, longitude, country, number));
  family.set(length, ofLength);
}

function placeIn(
  latitude: string | undefined,
  longitude: string | undefined,
  country: string | undefined,
  number: number,
): NetworkPlace | null {
  if (latitude === '' && longitude === '') return null;
  const place = { latitude: degrees(latitude, 90), longitude: degrees(longitude, 180) };
  if (Number.isNaN(place.latitude) || Number.isNaN(place.longitude) || !/^[A-Z]{2}$/.test(country ?? ''))
    throw invalid(number, 'no place on earth');
  return { ...place, country: country ?? '' };
}

function degrees(text: string | undefined, most: number): number {
  if (text === undefined || !/^-?\d{1,3}(?:\.\d{1,10})?$/.test(text)) return Number.NaN;
  const value = Number(text);
  return Math.abs(value) <= most ? value : Number.NaN;
}

interface Bits {
  readonly family: 4 | 6;
  readonly width: 32 | 128;
  readonly value: bigint;
}

/** An IPv4 address that is written as IPv6 (`::ffff:192.0.2.7`) is one of IPv4. */
function addressBits(text: string): Bits | undefined {
  const version = text.length <= 45 ? isIP(text) : 0;
  if (version === 4) return { family: 4, width: 32, value: ofIPv4(text) };
  if (version !== 6 || text.includes('%')) return undefined;
  const value = ofIPv6(text);
  return value >> 32n === 0xffffn
    ? { family: 4, width: 32, value: value & 0xffff_ffffn }
    : { family: 6, width: 128, value };
}

function ofIPv4(text: string): bigint {
  return text.split('.').reduce((value, part) => value * 256n + BigInt(part), 0n);
}

function ofIPv6(text: string): bigint {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const hexadecimal =
    dotted === null
      ? text
      : `${dotted[1]}${(ofIPv4(dotted[2] ?? '') >> 16n).toString(16)}:${(ofIPv4(dotted[2] ?? '') & 0xffffn).toString(16)}`;
  const [head = '', tail] = hexadecimal.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
  return groups.reduce((value, group) => value * 65_536n + BigInt(`0x${group}`), 0n);
}

function invalid(line: number, detail: string): Error {
  return new CodedError({
    code: 'configuration_invalid',
    category: 'invalid',
    detail: `The file of networks has in line ${line}: ${detail}.`,
  });
}
