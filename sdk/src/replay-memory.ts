import { type Clock, errorVocabulary } from '@countersign/kernel';

export const replayMemoryErrors = errorVocabulary({
  overloaded: 'unavailable',
  /** Earlier use of an id cannot be excluded. */
  clock_stepped_back: 'unavailable',
});

/** Use a shared store if the service has several instances. */
export interface ReplayMemory {
  /** @param expiresAt milliseconds since the epoch, after which the id is rejected as expired */
  claim(id: string, expiresAt: number): Promise<'claimed' | 'replayed'>;
}

/**
 * For one process. When full, it rejects new ids: a forgotten id could be replayed. It also rejects ids that may have
 * been forgotten before the clock was set back.
 */
export function createReplayMemory(options: { readonly clock: Clock; readonly maxIds?: number }): ReplayMemory {
  const maxIds = options.maxIds ?? 200_000;
  const used = new Map<string, number>();
  let forgottenThrough = Number.NEGATIVE_INFINITY;

  function dropExpired(): void {
    const now = options.clock.now();
    // Insertion order is nearly expiry order.
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
