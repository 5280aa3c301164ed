import { AsyncLocalStorage } from 'node:async_hooks';
import pg from 'pg';

// A function that holds a connection and requests another one from the same pool can deadlock: when as many of them run as the
// pool has connections, all wait for each other. Tests detect this; in production nothing is watched.

interface Held {
  readonly pool: pg.Pool;
  released: boolean;
  readonly outer: Held | undefined;
}

let holding: AsyncLocalStorage<Held> | undefined;

/** From now on, using a pool while holding one of its connections throws. For tests. */
export function watchHeldPools(): void {
  if (holding !== undefined) return;
  holding = new AsyncLocalStorage();
  const { connect } = pg.Pool.prototype;
  // The overloads of `connect` are passed through.
  pg.Pool.prototype.connect = function (this: pg.Pool, ...callback: unknown[]) {
    requireNotHeld(this);
    return Reflect.apply(connect, this, callback);
  } as typeof connect;
}

/**
 *
 * @throws Error when the caller already holds a connection of this pool
 */
function requireNotHeld(pool: pg.Pool): void {
  for (let held = holding?.getStore(); held !== undefined; held = held.outer)
    if (held.pool === pool && !held.released)
      throw new Error('a connection of this pool is asked for by what holds one already: use that one');
}

/** Runs work that holds a connection of this pool. */
export async function whileHeld<Result>(pool: pg.Pool, work: () => Promise<Result>): Promise<Result> {
  if (holding === undefined) return work();
  const held: Held = { pool, released: false, outer: holding.getStore() };
  try {
    return await holding.run(held, work);
  } finally {
    // Work that is still running afterwards no longer holds the connection.
    held.released = true;
  }
}

/** Runs work in a context that holds no connection. For tests in which one caller interrupts another. */
export function withoutHeldConnection<Result>(work: () => Result): Result {
  return holding === undefined ? work() : holding.exit(work);
}
