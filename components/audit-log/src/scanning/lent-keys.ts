import type { AskedOfKeeper } from './messages.ts';

/** Asked for at once: each is unsealed in the thread that serves others. */
const askedAtOnce = 100;
/** Kept at once; of more, all are asked for again. */
const mostKept = 20_000;

/** The keys that a thread has been lent, for as long as it may use them. */
export interface LentKeyRing {
  /** Asks for those of these keys that are not here. What is still not here then cannot be had. */
  fetch(ids: ReadonlySet<string>): Promise<void>;
  get(id: string): Uint8Array | undefined;
}

/** @param now milliseconds of a clock that never goes backwards */
export function createLentKeyRing({
  keeper,
  now,
}: {
  readonly keeper: Pick<AskedOfKeeper, 'keys'>;
  readonly now: () => number;
}): LentKeyRing {
  const kept = new Map<string, Uint8Array>();
  let until = 0;

  return {
    async fetch(ids) {
      if (now() >= until || kept.size + ids.size > mostKept) {
        kept.clear();
        until = Number.POSITIVE_INFINITY;
      }
      const missing = [...ids].filter((id) => !kept.has(id));
      for (let start = 0; start < missing.length; start += askedAtOnce) {
        const { keys, forMs } = await keeper.keys(missing.slice(start, start + askedAtOnce));
        for (const [id, bytes] of keys) kept.set(id, bytes);
        until = Math.min(until, now() + forMs);
      }
    },
    get: (id) => kept.get(id),
  };
}
