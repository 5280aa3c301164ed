import type { Clock, SessionId } from '@countersign/kernel';
import { createSweeper, type Logger } from '@countersign/runtime';
import type pg from 'pg';
import type { Queryable } from '../row-store.ts';
import { createSessionClientStore, type SessionClient } from './store.ts';

/** Longer than the longest session, which is a day. */
const rememberedMs = 2 * 24 * 60 * 60_000;

/** The clients that signed a person in with each session, and that must be notified when it ends. */
export interface SessionClients {
  /** Stores a client, within the transaction that issues its code. */
  remember(entry: SessionClient & { readonly session: SessionId }, within: Queryable): Promise<void>;
  /** Removes entries of sessions that ended long ago; runs by itself. */
  sweep(): Promise<number>;
  stop(): Promise<void>;
}

export function createSessionClients({
  pool,
  clock,
  logger,
}: {
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly logger: Logger;
}): SessionClients {
  const store = createSessionClientStore(pool);
  const sweeper = createSweeper({
    what: 'clients of sessions',
    logger,
    removeSlice: (limit) => store.removeExpired(clock.now(), limit),
    everyMs: 60_000,
  });
  return {
    remember: (entry, within) => store.remember(entry, clock.now() + rememberedMs, within),
    sweep: sweeper.sweep,
    stop: sweeper.stop,
  };
}
