import { type ClientId, parseClientId } from '@countersign/contracts';
import { ask } from '@countersign/runtime';
import type { Queryable } from '../row-store.ts';

export interface DuePing {
  /** SHA-256 of the auth_req_id. */
  readonly hash: Buffer;
  readonly client: ClientId;
  /** What to send, encrypted. */
  readonly sealed: Buffer;
  /** This one included. */
  readonly attempt: number;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

interface PingRow {
  readonly id_hash: Buffer;
  readonly client: string;
  readonly ping: Buffer;
  readonly ping_attempts: number;
  readonly expires_ms: number;
}

/** Times are milliseconds since the epoch. */
export function createPingStore(pool: Queryable) {
  return {
    /** Leases the due pings until `nextAttempt`. */
    async lease(now: number, nextAttempt: number, limit: number): Promise<readonly DuePing[]> {
      const { rows } = await ask<PingRow>(pool, {
        name: 'ping-lease',
        text: `update backchannel_requests
                    set ping_attempts = ping_attempts + 1, ping_at = to_timestamp($2::float8 / 1000.0)
                  where id_hash in (
                    select id_hash from backchannel_requests where ping_at <= to_timestamp($1::float8 / 1000.0)
                     order by ping_at limit $3 for update skip locked)
              returning id_hash, client, ping, ping_attempts, extract(epoch from expires_at)::float8 * 1000 as expires_ms`,
        values: [now, nextAttempt, limit],
      });
      return rows.map(pingOf);
    },
    /** Has no effect on a delivered ping. */
    async putOff(hash: Buffer, nextAttempt: number): Promise<void> {
      await ask(pool, {
        name: 'ping-put-off',
        text: `update backchannel_requests set ping_at = to_timestamp($2::float8 / 1000.0)
                  where id_hash = $1 and ping is not null`,
        values: [hash, nextAttempt],
      });
    },
    /** After delivery or the last attempt. */
    async finish(hash: Buffer): Promise<void> {
      await ask(pool, {
        name: 'ping-finish',
        text: 'update backchannel_requests set ping_at = null, ping = null where id_hash = $1',
        values: [hash],
      });
    },
  };
}

function pingOf(row: PingRow): DuePing {
  const client = parseClientId(row.client);
  if (client === undefined) throw new Error('a ping row has an invalid client id');
  const { id_hash: hash, ping: sealed, ping_attempts: attempt, expires_ms: expiresMs } = row;
  return { hash, client, sealed, attempt, expiresAt: Math.round(expiresMs) };
}
