import type { Logger } from '@countersign/runtime';

export interface NewRecords {
  /** Resolves when there is a record behind `position`, or after a while without; at once when the signal ends. */
  behind(position: bigint, signal: AbortSignal): Promise<void>;
  stop(): void;
}

/**
 * Looks for new records once for everybody who waits, however many they are, and not at all when nobody does.
 *
 * @param dependencies.newest the place of the newest record that matters
 */
export function watchNewRecords(dependencies: {
  readonly newest: () => Promise<bigint>;
  readonly logger: Logger;
  readonly everyMs: number;
}): NewRecords {
  const { newest, logger, everyMs } = dependencies;
  const waiting = new Set<{ readonly position: bigint; readonly wake: () => void }>();
  let timer: NodeJS.Timeout | undefined;

  async function look(): Promise<void> {
    try {
      const place = await newest();
      for (const one of waiting) if (place > one.position) one.wake();
    } catch (error) {
      logger.warn({ error }, 'the log could not be asked for new records');
    }
    timer = waiting.size === 0 ? undefined : later();
  }
  const later = (): NodeJS.Timeout => {
    const next = setTimeout(() => void look(), everyMs);
    next.unref();
    return next;
  };

  return {
    behind(position, signal) {
      return new Promise((resolve) => {
        const one = {
          position,
          wake: () => {
            waiting.delete(one);
            clearTimeout(longest);
            signal.removeEventListener('abort', one.wake);
            resolve();
          },
        };
        const longest = setTimeout(one.wake, longestWaitMs);
        longest.unref();
        if (signal.aborted) return one.wake();
        signal.addEventListener('abort', one.wake);
        waiting.add(one);
        timer ??= later();
      });
    },
    stop() {
      clearTimeout(timer);
      for (const one of waiting) one.wake();
    },
  };
}

/** Nobody waits for longer without looking themselves. */
const longestWaitMs = 10_000;
