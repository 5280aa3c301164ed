import type { Logger } from '../observability/index.ts';
import type { ComponentAccess } from './component-pool.ts';
import { listen } from './listen.ts';

/**
 * Listens on a channel, then calls `refresh`, so that no change is missed. Calls it again soon after a notification, after a
 * reconnect, and every `pollMs` in case a notification was lost. Calls never overlap; a change during a call triggers another one
 * right after it.
 *
 * @throws the error of the first `refresh`, or CodedError `database_unavailable`
 */
export async function keepFresh(options: {
  readonly access: ComponentAccess;
  readonly channel: string;
  readonly pollMs: number;
  readonly logger: Logger;
  readonly refresh: () => Promise<void>;
}): Promise<{ stop(): Promise<void> }> {
  let running: Promise<void> | undefined;
  let again = false;
  let stopped = false;

  function refreshSoon(): void {
    if (stopped) return;
    if (running !== undefined) {
      again = true;
      return;
    }
    running = options
      .refresh()
      .catch((error: unknown) => options.logger.warn({ error }, 'snapshot could not be refreshed'))
      .finally(() => {
        running = undefined;
        if (again) {
          again = false;
          refreshSoon();
        }
      });
  }

  const subscription = await listen({
    ...options.access,
    channel: options.channel,
    onNotify: refreshSoon,
    onReconnect: refreshSoon,
    onError: (error) => options.logger.debug({ error }, 'subscription interrupted'),
  });
  try {
    await options.refresh();
  } catch (error) {
    await subscription.close();
    throw error;
  }
  const timer = setInterval(refreshSoon, options.pollMs);
  timer.unref();
  return {
    async stop() {
      stopped = true;
      clearInterval(timer);
      await subscription.close();
      await running;
    },
  };
}
