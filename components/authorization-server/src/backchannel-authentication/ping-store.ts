import { type ClientId, parseClientId } from '@countersign/contracts';
import { answered, type Queryable } from '../row-store.ts';

/** A client that is still to hear that somebody has decided. */
export interface DuePing {
  /** SHA-256 of the auth_req_id. */
  readonly hash: Buffer;
  readonly client: ClientId;
  /** What to send, encrypted. */
  readonly sealed: Buffer;
  /** This one included. */
  readonly attempt: number;
  /** Milliseconds since the epoch: from then on there is nothing to be had. */
  readonly expiresAt: number;
}

interface PingRow {
  readonly id_hash: Buffer;
  readonly client: string;
  readonly ping: Buffer;
  readonly ping_attempts: number;
  readonly expires_ms: number;
}

/** What the table `backchannel_requests` says of pings. Times are milliseconds since the epoch. */
export function createPingStore(pool: Queryable) {
  return {
    /** Takes what is due, and puts it off: a node that dies on the way leaves it to the next. */
    async take(now: number, nextAttempt: number, limit: number): Promise<readonly DuePing[]> {
      const { rows } = await answered(
        pool.query<PingRow>({
          name: 'ping-take',
          text: `update backchannel_requests
                    set ping_attempts = ping_attempts + 1, ping_at = to_timestamp($2::float8 / 1000.0)
                  where id_hash in (
                    select id_hash from backchannel_requests where ping_at <= to_timestamp($1::float8 / 1000.0)
                     order by ping_at limit $3 for update skip locked)
              returning id_hash, client, ping, ping_attempts, extract(epoch from expires_at)::float8 * 1000 as expires_ms`,
          values: [now, nextAttempt, limit],
        }),
      );
      return rows.map(pingOf);
    },
    /** Unless another node has got through meanwhile. */
    async putOff(hash: Buffer, nextAttempt: number): Promise<void> {
      await answered(
        pool.query({
          name: 'ping-put-off',
          text: `update backchannel_requests set ping_at = to_timestamp($2::float8 / 1000.0)
                  where id_hash = $1 and ping is not null`,
          values: [hash, nextAttempt],
        }),
      );
    },
    /** Through, or given up: what was to be sent is forgotten. */
    async finish(hash: Buffer): Promise<void> {
      await answered(
        pool.query({
          name: 'ping-finish',
          text: 'update backchannel_requests set ping_at = null, ping = null where id_hash = $1',
          values: [hash],
        }),
      );
    },
  };
}

function pingOf(row: PingRow): DuePing {
  const client = parseClientId(row.client);
  if (client === undefined) throw new Error('a ping is for a client that is none');
  return {
    hash: row.id_hash,
    client,
    sealed: row.ping,
    attempt: row.ping_attempts,
    expiresAt: Math.round(row.expires_ms),
  };
}
