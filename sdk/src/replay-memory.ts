import { type Clock, errorVocabulary } from '@countersign/kernel';

export const replayMemoryErrors = errorVocabulary({
  /** More unexpired ids than the memory can hold. */
  overloaded: 'unavailable',
  /** The clock was set back, so earlier use of an id cannot be excluded until the clock catches up. */
  clock_stepped_back: 'unavailable',
});

/** Remembers single-use values. Use a shared store if the service runs as several instances. */
export interface ReplayMemory {
  /** @param expiresAt milliseconds since the epoch after which the id's own expiry check rejects it */
  claim(id: string, expiresAt: number): Promise<'claimed' | 'replayed'>;
}

/**
 * An in-memory store for one process.
 * When full, it rejects new ids instead of forgetting old ones, because a forgotten id could be replayed. For the same reason
 * it rejects an id that expires no later than one already dropped: the clock was ahead at that time and has been set back.
 */
export function createReplayMemory(options: { readonly clock: Clock; readonly maxIds?: number }): ReplayMemory {
  const maxIds = options.maxIds ?? 200_000;
  const used = new Map<string, number>();
  let forgottenThrough = Number.NEGATIVE_INFINITY;

  function dropExpired(): void {
    const now = options.clock.now();
    // Insertion order is nearly expiry order, so the loop stops at the first unexpired id.
    for (const [id, expiresAt] of used) {
      if (expiresAt >= now) break;
      used.delete(id);
      forgottenThrough = Math.max(forgottenThrough, expiresAt);
    }
  }

  return {
    async claim(id, expiresAt) {
      dropExpired();
      if (used.has(id)) return 'replayed';
      if (used.size >= maxIds)
        throw replayMemoryErrors.error('overloaded', 'Too many requests within a minute; try again shortly.');
      if (expiresAt <= forgottenThrough)
        throw replayMemoryErrors.error(
          'clock_stepped_back',
          'The clock of this service was set back, so it cannot tell whether this was used before. Try again shortly, with a new proof.',
        );
      used.set(id, expiresAt);
      return 'claimed';
    },
  };
}
