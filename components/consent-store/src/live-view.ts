import type { Mandate } from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import { type ComponentAccess, type Logger, listen } from '@countersign/runtime';
import { createMandateView, type MandateView } from './mandate-view.ts';
import { changesChannel, type Store } from './store.ts';

export interface LiveView extends MandateView {
  /** Takes in what this node has just committed. */
  put(mandate: Mandate): void;
  /** Reads what was committed since the last refresh. @throws CodedError `database_unavailable` */
  refresh(): Promise<void>;
  /**
   * Resolves at once while the view is young enough, and refreshes it otherwise: a node that hears nothing
   * from its database must not go on answering from what it once knew.
   *
   * @throws CodedError `database_unavailable`
   */
  fresh(): Promise<void> | undefined;
  stop(): Promise<void>;
}

export interface LiveViewOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly access: ComponentAccess;
  readonly pollEveryMs?: number;
  /** How old the view may be while answers are given from it. */
  readonly staleAfterMs?: number;
}

/** A view of all mandates that follows the database: by notification, and by polling in case one is lost. */
export async function openLiveView(options: LiveViewOptions): Promise<LiveView> {
  const { store, clock, logger, access, pollEveryMs = 1000, staleAfterMs = 5000 } = options;
  const view = createMandateView();
  let known = 0n;
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  let again: Promise<void> | undefined;

  async function read(): Promise<void> {
    // The time before the query: what was committed while it ran may not be in its answer.
    const at = clock.now();
    const { mandates, newest } = await store.changesAfter(known);
    for (const mandate of mandates) view.put(mandate);
    known = newest;
    readAt = at;
  }

  /** A read that began before the call may miss what the caller knows of, so it waits for one that begins after. */
  function refresh(): Promise<void> {
    if (reading !== undefined) {
      again ??= reading
        .catch(() => undefined)
        .then(() => {
          again = undefined;
          return refresh();
        });
      return again;
    }
    reading = read().finally(() => {
      reading = undefined;
    });
    return reading;
  }

  const refreshInBackground = (): void => {
    refresh().catch((error: unknown) => logger.warn({ error }, 'mandates could not be refreshed'));
  };

  // Subscribed first, loaded second: nothing falls between the two.
  const subscription = await listen({
    ...access,
    channel: changesChannel,
    onNotify: refreshInBackground,
    onReconnect: refreshInBackground,
    onError: (error) => logger.warn({ error }, 'the subscription to mandate changes broke'),
  });
  await refresh();
  const timer = setInterval(refreshInBackground, pollEveryMs);
  timer.unref();

  return {
    find: view.find,
    heldBy: view.heldBy,
    put: view.put,
    refresh,
    fresh: () => (clock.now() - readAt <= staleAfterMs ? undefined : refresh()),
    async stop() {
      clearInterval(timer);
      await subscription.close();
      await reading?.catch(() => undefined);
    },
  };
}
