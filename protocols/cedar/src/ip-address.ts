/** Cedar's `ipaddr`: an address with a prefix length; a single address has the longest prefix. */
export class IpAddress {
  readonly kind = 'ipaddr';
  readonly version: 4 | 6;
  readonly address: bigint;
  readonly prefix: number;
  readonly first: bigint;
  readonly last: bigint;

  constructor(version: 4 | 6, address: bigint, prefix: number) {
    const hostBits = BigInt((version === 4 ? 32 : 128) - prefix);
    this.version = version;
    this.address = address;
    this.prefix = prefix;
    this.first = (address >> hostBits) << hostBits;
    this.last = this.first | ((1n << hostBits) - 1n);
  }

  isLoopback(): boolean {
    return this.version === 4
      ? this.address >> 24n === 127n && this.prefix >= 8
      : this.address === 1n && this.prefix === 128;
  }

  isMulticast(): boolean {
    return this.version === 4
      ? this.address >> 28n === 0xen && this.prefix >= 4
      : this.address >> 120n === 0xffn && this.prefix >= 8;
  }

  isInRange(range: IpAddress): boolean {
    return this.version === range.version && this.first >= range.first && this.last <= range.last;
  }

  toString(): string {
    const [width, mask, radix, separator] = this.version === 4 ? [8n, 0xffn, 10, '.'] : [16n, 0xffffn, 16, ':'];
    const groups: string[] = [];
    for (let shift = (this.version === 4 ? 32n : 128n) - width; shift >= 0n; shift -= width) {
      groups.push(((this.address >> shift) & mask).toString(radix));
    }
    return `${groups.join(separator)}/${this.prefix}`;
  }
}

// "ffff:" seven times, "ffff" and "/128".
const longestText = 43;

/**
 * The address or range, or undefined when the text is none. Stricter than most parsers, as Cedar is: no leading
 * zeros in IPv4, no IPv4 written inside IPv6, no zones.
 */
export function parseIpAddress(text: string): IpAddress | undefined {
  if (text.length > longestText) return undefined;
  const slash = text.indexOf('/');
  const addressText = slash === -1 ? text : text.slice(0, slash);
  const version = addressText.includes(':') ? 6 : 4;
  const address = version === 4 ? parseIpv4(addressText) : parseIpv6(addressText);
  if (address === undefined) return undefined;
  const longest = version === 4 ? 32 : 128;
  const prefix = slash === -1 ? longest : parsePrefix(text.slice(slash + 1));
  if (prefix === undefined || prefix > longest) return undefined;
  return new IpAddress(version, address, prefix);
}

function parsePrefix(text: string): number | undefined {
  return /^(?:0|[1-9]\d{0,2})$/.test(text) ? Number(text) : undefined;
}

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let address = 0n;
  for (const part of parts) {
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    address = (address << 8n) | BigInt(part);
  }
  return address;
}

function parseIpv6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const groups = head.length + tail.length;
  // `::` stands for at least one group.
  if (halves.length === 1 ? groups !== 8 : groups > 7) return undefined;
  const zeros = new Array<string>(8 - groups).fill('0');
  let address = 0n;
  for (const group of [...head, ...zeros, ...tail]) {
    if (!/^[0-9A-Fa-f]{1,4}$/.test(group)) return undefined;
    address = (address << 16n) | BigInt(`0x${group}`);
  }
  return address;
}
