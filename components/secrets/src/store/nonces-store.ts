import { ask, transaction } from '@countersign/runtime';
import type pg from 'pg';

/**
 * The next nonce of a key: higher than every earlier one, on every node, even after the clock was set back. The commit
 * does not wait for the disk: a crash of the database loses a fraction of a second at most, and the nonce is at least
 * the time.
 * @param atLeast microseconds since the epoch
 */
export function nextNonce(pool: pg.Pool, key: string, atLeast: bigint): Promise<bigint> {
  return transaction(pool, async (session) => {
    await ask(session, 'set local synchronous_commit = off');
    const { rows } = await ask<{ nonce: string }>(
      session,
      `insert into venue_nonces (key, nonce) values ($1, $2)
       on conflict (key) do update set nonce = greatest(venue_nonces.nonce + 1, excluded.nonce) returning nonce`,
      [key, atLeast.toString()],
    );
    const [row] = rows;
    if (row === undefined) throw new Error('a nonce was not stored');
    return BigInt(row.nonce);
  });
}
