import type { Clock, SessionId } from '@countersign/kernel';
import { createSweeper, type Logger } from '@countersign/runtime';
import type pg from 'pg';
import type { Queryable } from '../row-store.ts';
import { createSessionClientStore, type SessionClient } from './store.ts';

/** Longer than any session. */
const rememberedMs = 2 * 24 * 60 * 60_000;

/** The clients to notify when a session ends. */
export interface SessionClients {
  /** Within the transaction that issues the code. */
  remember(entry: SessionClient & { readonly session: SessionId }, within: Queryable): Promise<void>;
  /** Also runs by itself. */
  sweep(): Promise<number>;
  stop(): Promise<void>;
}

export function createSessionClients(dependencies: {
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly logger: Logger;
}): SessionClients {
  const { pool, clock, logger } = dependencies;
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
