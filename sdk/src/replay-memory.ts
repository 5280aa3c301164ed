import { type Clock, errorVocabulary } from '@countersign/kernel';

export const replayMemoryErrors = errorVocabulary({
  /** More ids are alive than are kept. */
  overloaded: 'unavailable',
  /** The clock was set back: whether an id was used before cannot be told until the clock is where it was. */
  clock_stepped_back: 'unavailable',
});

/** Remembers what has been used once. Back it by a shared store where a service runs as several instances. */
export interface ReplayMemory {
  /** @param expiresAt milliseconds since the epoch after which `id` is refused by its own check */
  claim(id: string, expiresAt: number): Promise<'claimed' | 'replayed'>;
}

/**
 * In memory, for one process.
 *
 * Bounded: when more ids are alive than it may hold it refuses rather than forgets, because forgetting one would
 * let it be used again. For the same reason it refuses what ends no later than an id that it has forgotten: the clock was ahead
 * then, and has been set back.
 */
export function createReplayMemory(options: { readonly clock: Clock; readonly maxIds?: number }): ReplayMemory {
  const maxIds = options.maxIds ?? 200_000;
  const used = new Map<string, number>();
  let forgottenThrough = Number.NEGATIVE_INFINITY;

  function dropExpired(): void {
    const now = options.clock.now();
    // Insertion order is nearly expiry order; the walk stops at the first that lives.
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
