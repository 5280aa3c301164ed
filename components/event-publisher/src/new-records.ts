import type { Logger } from '@countersign/runtime';

export interface NewRecords {
  /**
   * Resolves at a record after `position`, at a timeout, or when aborted or stopped.
   *
   * @returns the newest place, if it was read
   */
  behind(position: bigint, signal: AbortSignal): Promise<bigint | undefined>;
  stop(): void;
}

/** Polls once for all waiting readers, and not at all when there are none. */
export function watchNewRecords(dependencies: {
  readonly newest: () => Promise<bigint>;
  readonly logger: Logger;
  readonly everyMs: number;
}): NewRecords {
  const { newest, logger, everyMs } = dependencies;
  const waiting = new Set<{ readonly position: bigint; readonly wake: (place?: bigint) => void }>();
  let timer: NodeJS.Timeout | undefined;
  let failing = false;
  let stopped = false;

  async function look(): Promise<void> {
    try {
      const place = await newest();
      failing = false;
      for (const one of waiting) if (place > one.position) one.wake(place);
    } catch (error) {
      // Logged once: the log is polled several times a second.
      if (!failing) logger.warn({ error }, 'the log could not be asked for new records');
      failing = true;
    }
    timer = waiting.size === 0 || stopped ? undefined : later();
  }
  const later = (): NodeJS.Timeout => {
    const next = setTimeout(() => void look(), everyMs);
    next.unref();
    return next;
  };

  return {
    behind(position, signal) {
      if (stopped || signal.aborted) return Promise.resolve(undefined);
      return new Promise((resolve) => {
        const wake = (place?: bigint): void => {
          waiting.delete(one);
          clearTimeout(longest);
          signal.removeEventListener('abort', ended);
          resolve(place);
        };
        const ended = (): void => wake();
        const one = { position, wake };
        const longest = setTimeout(ended, maxLooks * everyMs);
        longest.unref();
        signal.addEventListener('abort', ended);
        waiting.add(one);
        timer ??= later();
      });
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
      for (const one of waiting) one.wake();
    },
  };
}

/** Polls before a reader queries the log itself, which then reports what is wrong with it. */
const maxLooks = 40;
