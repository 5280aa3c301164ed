import { type Clock, CodedError } from '@countersign/kernel';

/** Remembers what has been used once. Back it by a shared store where a service runs as several instances. */
export interface ReplayMemory {
  /** @param expiresAt milliseconds since the epoch after which `id` is refused by its own check */
  claim(id: string, expiresAt: number): Promise<'claimed' | 'replayed'>;
}

/**
 * In memory, for one process.
 *
 * Bounded: when more ids are alive than it may hold it refuses rather than forgets, because forgetting one would
 * let it be used again.
 */
export function createReplayMemory(options: { readonly clock: Clock; readonly maxIds?: number }): ReplayMemory {
  const maxIds = options.maxIds ?? 200_000;
  const used = new Map<string, number>();

  function dropExpired(): void {
    const now = options.clock.now();
    // Insertion order is nearly expiry order; the walk stops at the first that lives.
    for (const [id, expiresAt] of used) {
      if (expiresAt >= now) break;
      used.delete(id);
    }
  }

  return {
    async claim(id, expiresAt) {
      dropExpired();
      if (used.has(id)) return 'replayed';
      if (used.size >= maxIds)
        throw new CodedError({
          code: 'overloaded',
          category: 'unavailable',
          detail: 'Too many requests within a minute; try again shortly.',
        });
      used.set(id, expiresAt);
      return 'claimed';
    },
  };
}
