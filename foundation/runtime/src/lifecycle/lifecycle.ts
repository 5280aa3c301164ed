import type { Logger } from '../observability/logger.ts';

/** Something started that must be stopped. */
export interface Stoppable {
  readonly name: string;
  stop(): Promise<void>;
}

/** Stops what was started, last first, each within a bound, whatever fails on the way. */
export interface Lifecycle {
  /** Registers what has just started. */
  started(part: Stoppable): void;
  /** Idempotent: every call gets the same end. */
  stop(): Promise<void>;
}

export function createLifecycle(options: { readonly logger: Logger; readonly stopTimeoutMs?: number }): Lifecycle {
  const parts: Stoppable[] = [];
  let stopping: Promise<void> | undefined;
  const bound = options.stopTimeoutMs ?? 10_000;

  async function stopAll(): Promise<void> {
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      const { name } = part;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<'late'>((resolve) => {
        timer = setTimeout(() => resolve('late'), bound);
      });
      try {
        if ((await Promise.race([part.stop(), late])) === 'late')
          options.logger.warn({ part: name }, 'part did not stop in time');
      } catch (error) {
        options.logger.error({ part: name, error }, 'part failed to stop');
      } finally {
        clearTimeout(timer);
      }
    }
  }
  return {
    started: (part) => void parts.push(part),
    stop() {
      stopping ??= stopAll();
      return stopping;
    },
  };
}

/**
 * Runs `stop` on SIGTERM and SIGINT, then exits with 0. A second signal exits at once with 130: a person who
 * asks twice means it.
 */
export function stopOnSignals(stop: () => Promise<void>, logger: Logger): void {
  let asked = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (asked) process.exit(130);
    asked = true;
    logger.info({ signal }, 'stopping');
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ error }, 'stop failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}
