import { ask } from '@countersign/runtime';
import type { Session } from './leases-store.ts';

/**
 * The next nonce of a key: higher than every one before, on every node, also after the clock was set back.
 *
 * @param atLeast microseconds since the epoch
 */
export async function nextNonce(session: Session, key: string, atLeast: bigint): Promise<bigint> {
  const { rows } = await ask<{ nonce: string }>(
    session,
    `insert into venue_nonces (key, nonce) values ($1, $2)
     on conflict (key) do update set nonce = greatest(venue_nonces.nonce + 1, excluded.nonce) returning nonce`,
    [key, atLeast.toString()],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('a nonce was not stored');
  return BigInt(row.nonce);
}
