import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type ComponentAccess, roleConfig } from './component-pool.ts';
import { databaseFailure } from './failure.ts';
import { dropPresets } from './session-settings.ts';

export interface Subscription {
  close(): Promise<void>;
}

export interface ListenOptions extends ComponentAccess {
  readonly channel: string;
  /**
   * Called at most once in `quietMs` when notifications arrive. Their content is not passed on, because anybody with access to
   * the database can send them.
   */
  readonly onNotify: () => void;
  /** The connection was restored. Notifications may have been lost meanwhile, so refresh. */
  readonly onReconnect: () => void;
  /** For the log. */
  readonly onError?: (error: unknown) => void;
  /** Interval of liveness checks on a silent connection; 10 s by default. */
  readonly heartbeatMs?: number;
  /** 50 ms by default. */
  readonly quietMs?: number;
}

const slowestRetryMs = 5000;

/**
 * Subscribes to a LISTEN/NOTIFY channel of PostgreSQL over a dedicated connection, which reconnects after every failure,
 * including silent ones. It is a hint to refresh early, not a queue: keep polling too.
 *
 * @returns when it listens, so that a snapshot loaded afterwards misses nothing
 * @throws CodedError `database_unavailable` when the first connection fails
 */
export async function listen(options: ListenOptions): Promise<Subscription> {
  const closing = new AbortController();
  const onError = options.onError ?? (() => undefined);
  let current: Listener;
  try {
    current = await connect(options, onError);
  } catch (error) {
    throw databaseFailure(error);
  }

  const supervise = async (): Promise<void> => {
    for (;;) {
      await current.lost;
      if (closing.signal.aborted) return;
      const next = await reconnect();
      if (next === undefined) return;
      current = next;
      guarded(onError, options.onReconnect);
    }
  };
  const reconnect = async (): Promise<Listener | undefined> => {
    for (let attempt = 0; !closing.signal.aborted; attempt++) {
      try {
        return await connect(options, onError);
      } catch (error) {
        onError(databaseFailure(error));
        const pause = Math.min(50 * 2 ** attempt, slowestRetryMs);
        await sleep(pause, undefined, { signal: closing.signal, ref: false }).catch(() => undefined);
      }
    }
    return undefined;
  };
  const supervision = supervise();

  return {
    async close() {
      closing.abort();
      await current.end();
      await supervision;
      // A reconnect may have been in progress.
      await current.end();
    },
  };
}

interface Listener {
  readonly lost: Promise<void>;
  end(): Promise<void>;
}

async function connect(options: ListenOptions, onError: (error: unknown) => void): Promise<Listener> {
  const client = new pg.Client({
    ...roleConfig(options, { statementTimeoutMs: 5000, lockTimeoutMs: 5000, idleInTransactionTimeoutMs: 5000 }),
    connectionTimeoutMillis: 5000,
    query_timeout: 5000,
  });
  const wakeUp = atMostEvery(options.quietMs ?? 50, () => guarded(onError, options.onNotify));
  const lost = new Promise<void>((resolve) => {
    client.on('error', onError);
    client.on('end', () => resolve());
  });
  client.on('notification', wakeUp.call);
  try {
    await client.connect();
    await dropPresets(client);
    await client.query(`listen ${pg.escapeIdentifier(options.channel)}`);
  } catch (error) {
    destroy(client);
    throw error;
  }
  // A connection that was dropped silently (by a firewall or an unplugged cable) only looks idle.
  let asking = false;
  const beat = setInterval(() => {
    if (asking) return;
    asking = true;
    client.query('select 1').then(
      () => {
        asking = false;
      },
      () => destroy(client),
    );
  }, options.heartbeatMs ?? 10_000);
  beat.unref();
  void lost.then(() => {
    clearInterval(beat);
    wakeUp.stop();
  });
  let ended: Promise<void> | undefined;
  return {
    lost,
    end() {
      wakeUp.stop();
      ended ??= endWithin(client, 1000);
      return ended;
    },
  };
}

/** Runs the first call at once; further calls within the pause are merged into one at its end. */
function atMostEvery(pauseMs: number, work: () => void): { call(): void; stop(): void } {
  let pause: NodeJS.Timeout | undefined;
  let again = false;
  let stopped = false;
  const call = (): void => {
    if (stopped) return;
    if (pause !== undefined) {
      again = true;
      return;
    }
    pause = setTimeout(() => {
      pause = undefined;
      if (!again) return;
      again = false;
      call();
    }, pauseMs);
    pause.unref();
    work();
  };
  return {
    call,
    stop() {
      stopped = true;
      clearTimeout(pause);
    },
  };
}

/** `end` waits for the peer to close the connection; an unresponsive peer never does. */
async function endWithin(client: pg.Client, timeoutMs: number): Promise<void> {
  const timer = setTimeout(() => client.connection.stream.destroy(), timeoutMs);
  await client.end().catch(() => undefined);
  clearTimeout(timer);
}

function destroy(client: pg.Client): void {
  client.connection.stream.destroy();
  void client.end().catch(() => undefined);
}

function guarded(onError: (error: unknown) => void, callback: () => void): void {
  try {
    callback();
  } catch (error) {
    onError(error);
  }
}
