/** How often a page may be used from one network within an hour; more is refused without looking at it. */
export interface Limiter {
  /** @returns whether it is still within the limit; it counts */
  take(address: string | undefined, now: number): boolean;
}

const windowMs = 3_600_000;

/** Counted in memory, the oldest forgotten first. IPv6 subscribers hold a whole /64: they have one count for it. */
export function createLimiter({
  perHour,
  mostNetworks,
}: {
  readonly perHour: number;
  readonly mostNetworks: number;
}): Limiter {
  const counts = new Map<string, { window: number; count: number }>();
  return {
    take(address, now) {
      const network = networkOf(address);
      const window = Math.floor(now / windowMs);
      const known = counts.get(network);
      const count = known?.window === window ? known.count + 1 : 1;
      counts.delete(network);
      counts.set(network, { window, count });
      const [oldest] = counts.keys();
      if (counts.size > mostNetworks && oldest !== undefined) counts.delete(oldest);
      return count <= perHour;
    },
  };
}

function networkOf(address: string | undefined): string {
  if (address === undefined) return 'unknown';
  if (!address.includes(':') || address.includes('.')) return address;
  const [head = '', tail] = address.toLowerCase().split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(8 - before.length - after.length, 0);
  const groups = [...before, ...Array.from({ length: zeros }, () => '0'), ...after];
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}
