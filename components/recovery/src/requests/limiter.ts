import { networkOf } from '@countersign/runtime';

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
