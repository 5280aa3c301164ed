import { isIP } from 'node:net';
import { CodedError } from '@countersign/kernel';
import type { Location } from './travel.ts';

export interface NetworkPlace extends Location {
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
}

export interface Networks {
  /** By longest prefix; undefined if unknown. */
  placeOf(address: string): NetworkPlace | undefined;
}

export const noNetworks: Networks = { placeOf: () => undefined };

const maxLines = 2_000_000;
const maxLineLength = 200;

/** By prefix length, then prefix bits; null for a network without a location. */
type Family = Map<number, Map<bigint, NetworkPlace | null>>;

/** Lines that begin with `#` are comments. @throws CodedError `configuration_invalid` with the number of the line */
export function parseNetworks(text: string): Networks {
  const families: Readonly<Record<4 | 6, Family>> = { 4: new Map(), 6: new Map() };
  let number = 0;
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\n', at);
    const line = text.slice(at, end === -1 ? text.length : end);
    at = end === -1 ? text.length : end + 1;
    number += 1;
    if (number > maxLines) throw invalid(number, `the file has more than ${maxLines} lines`);
    if (line.length > maxLineLength) throw invalid(number, `it is longer than ${maxLineLength} characters`);
    const trimmed = line.trim();
    if (trimmed !== '' && !trimmed.startsWith('#')) addLine(families, trimmed, number);
  }
  const lengthsOf = (family: Family) => [...family.keys()].sort((one, other) => other - one);
  const lengths = { 4: lengthsOf(families[4]), 6: lengthsOf(families[6]) };
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
  const [network = '', ...place] = parts;
  const [address = '', prefix = '', ...rest] = network.split('/');
  const bits = addressBits(address);
  const length = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  if (parts.length !== 4 || rest.length > 0 || bits === undefined || !(length <= bits.width))
    throw invalid(number, 'it must have the form network,latitude,longitude,country');
  const shift = BigInt(bits.width - length);
  const value = bits.value >> shift;
  if (value << shift !== bits.value) throw invalid(number, 'the address has bits beyond its prefix');
  const family = families[bits.family];
  const ofLength = family.get(length) ?? new Map<bigint, NetworkPlace | null>();
  if (ofLength.has(value)) throw invalid(number, 'the network is a duplicate');
  ofLength.set(value, placeIn(place, number));
  family.set(length, ofLength);
}

function placeIn([latitude, longitude, country]: readonly string[], number: number): NetworkPlace | null {
  if (latitude === '' && longitude === '') return null;
  const place = { latitude: degrees(latitude, 90), longitude: degrees(longitude, 180) };
  if (Number.isNaN(place.latitude) || Number.isNaN(place.longitude) || !/^[A-Z]{2}$/.test(country ?? ''))
    throw invalid(number, 'the place is invalid');
  return { ...place, country: country ?? '' };
}

function degrees(text: string | undefined, max: number): number {
  if (text === undefined || !/^-?\d{1,3}(?:\.\d{1,10})?$/.test(text)) return Number.NaN;
  const value = Number(text);
  return Math.abs(value) <= max ? value : Number.NaN;
}

interface Bits {
  readonly family: 4 | 6;
  readonly width: 32 | 128;
  readonly value: bigint;
}

/** IPv4-mapped addresses (`::ffff:192.0.2.7`) are IPv4. */
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

function invalid(line: number, problem: string): Error {
  const detail = `The file of networks, line ${line}: ${problem}.`;
  return new CodedError({ code: 'configuration_invalid', category: 'invalid', detail });
}
