import { AsyncLocalStorage } from 'node:async_hooks';
import pg from 'pg';

// A function that holds a connection and asks the pool for another waits for its like: as many of them at once as the pool has
// connections, and none goes on. Tests watch for it, whatever they are about; elsewhere nothing is watched, and it costs nothing.

interface Held {
  readonly pool: pg.Pool;
  released: boolean;
  readonly outer: Held | undefined;
}

let holding: AsyncLocalStorage<Held> | undefined;

/** From now on each use of a pool by what holds a connection of it fails. For tests. */
export function watchHeldPools(): void {
  if (holding !== undefined) return;
  holding = new AsyncLocalStorage();
  const { connect } = pg.Pool.prototype;
  pg.Pool.prototype.connect = function (this: pg.Pool, ...callback: unknown[]) {
    requireNotHeld(this);
    return Reflect.apply(connect, this, callback);
  } as typeof connect;
}

/** @throws Error where whoever asks holds a connection of this very pool */
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
    // What the work has left running is another matter.
    held.released = true;
  }
}

/** Runs what somebody else does meanwhile, who holds nothing. For tests that let one come between the steps of another. */
export function withoutHeldConnection<Result>(work: () => Result): Result {
  return holding === undefined ? work() : holding.exit(work);
}
