import { createRounds } from '../lifecycle/index.ts';
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
  const { access, channel, logger, refresh } = options;
  const rounds = createRounds({ what: `reading of ${channel}`, work: refresh, logger, everyMs: options.pollMs });
  try {
    const subscription = await listen({
      ...access,
      channel,
      onNotify: rounds.hurry,
      onReconnect: rounds.hurry,
      onError: (error) => logger.debug({ error }, 'subscription interrupted'),
    });
    try {
      await rounds.run();
    } catch (error) {
      await subscription.close();
      throw error;
    }
    return {
      async stop() {
        const stopping = rounds.stop();
        await subscription.close();
        await stopping;
      },
    };
  } catch (error) {
    await rounds.stop();
    throw error;
  }
}
