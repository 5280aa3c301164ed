import { type Clock, createGenerations } from '@countersign/kernel';

export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

export interface RateLimit {
  admit(key: string): boolean;
}

interface Bucket {
  readonly left: number;
  readonly at: number;
}

/** A forgotten key starts with a full burst. */
const maxKeys = 10_000;

/** A token bucket per key and one for all, in this process, so that many addresses share a limit. */
export function createRateLimit(each: Rate, all: Rate, clock: Clock): RateLimit {
  const buckets = createGenerations<string, Bucket>(maxKeys);
  let shared: Bucket = { left: all.burst, at: clock.now() };

  const filled = ({ left, at }: Bucket, rate: Rate, now: number): number =>
    Math.min(rate.burst, left + (Math.max(0, now - at) * rate.perSecond) / 1000);

  return {
    admit(key) {
      const now = clock.now();
      const own = filled(buckets.get(key) ?? { left: each.burst, at: now }, each, now);
      if (own < 1) return false;
      const common = filled(shared, all, now);
      if (common < 1) return false;
      buckets.keep(key, { left: own - 1, at: now });
      shared = { left: common - 1, at: now };
      return true;
    },
  };
}
