import { type ClientId, type PrincipalId, parseClientId, parsePrincipalId } from '@countersign/contracts';
import { parseId, type SessionId } from '@countersign/kernel';
import { ask } from '@countersign/runtime';
import type pg from 'pg';
import { type Queryable, removeExpiredRows } from '../row-store.ts';

export interface SessionClient {
  readonly client: ClientId;
  readonly subject: PrincipalId;
}

/** Times are milliseconds since the epoch. */
export function createSessionClientStore(pool: pg.Pool) {
  return {
    /** Within the transaction that issues the code. */
    async remember(
      { session, client, subject }: SessionClient & { readonly session: SessionId },
      expiresAt: number,
      within: Queryable,
    ): Promise<void> {
      await ask(within, {
        name: 'session-client-remember',
        text: `insert into session_clients (session, client, subject, expires_at)
                 values ($1, $2, $3, to_timestamp($4::float8 / 1000.0))
                 on conflict (session, client) do update set expires_at = excluded.expires_at, subject = excluded.subject`,
        values: [session, client, subject, expiresAt],
      });
    },
    removeExpired: (now: number, limit: number) =>
      removeExpiredRows(pool, { table: 'session_clients', key: 'session, client', column: 'expires_at' }, now, limit),
  };
}

export function sessionClientOf(row: { readonly client: string; readonly subject: string }): SessionClient {
  const client = parseClientId(row.client);
  const subject = parsePrincipalId(row.subject);
  if (client === undefined || subject === undefined)
    throw new Error('a session row has an invalid client or person id');
  return { client, subject };
}

export interface Delivery {
  readonly session: SessionId;
  readonly client: ClientId;
  readonly subject: PrincipalId;
  readonly attempt: number;
}

interface DeliveryRow {
  readonly session: string;
  readonly client: string;
  readonly subject: string;
  readonly attempts: number;
}

/** Times are milliseconds since the epoch. */
export function createDeliveryStore(pool: pg.Pool) {
  return {
    /** One delivery for each client of an ended session, however often this is called. */
    async enqueue(session: SessionId, now: number): Promise<void> {
      await ask(pool, {
        name: 'logout-enqueue',
        text: `with signed_in as (delete from session_clients where session = $1 returning session, client, subject)
                 insert into logout_deliveries (session, client, subject, attempts, next_attempt)
                 select session, client, subject, 0, to_timestamp($2::float8 / 1000.0) from signed_in
                 on conflict (session, client) do nothing`,
        values: [session, now],
      });
    },
    /** Leases the due deliveries until `nextAttempt`. */
    async lease(now: number, nextAttempt: number, limit: number): Promise<readonly Delivery[]> {
      const { rows } = await ask<DeliveryRow>(pool, {
        name: 'logout-lease',
        text: `update logout_deliveries set attempts = attempts + 1, next_attempt = to_timestamp($2::float8 / 1000.0)
                  where (session, client) in (
                    select session, client from logout_deliveries
                     where next_attempt <= to_timestamp($1::float8 / 1000.0)
                     order by next_attempt limit $3 for update skip locked)
              returning session, client, subject, attempts`,
        values: [now, nextAttempt, limit],
      });
      return rows.map(deliveryOf);
    },
    async putOff({ session, client }: Delivery, nextAttempt: number): Promise<void> {
      await ask(pool, {
        name: 'logout-put-off',
        text: 'update logout_deliveries set next_attempt = to_timestamp($3::float8 / 1000.0) where session = $1 and client = $2',
        values: [session, client, nextAttempt],
      });
    },
    async finish({ session, client }: Delivery): Promise<void> {
      await ask(pool, {
        name: 'logout-finish',
        text: 'delete from logout_deliveries where session = $1 and client = $2',
        values: [session, client],
      });
    },
    async position(): Promise<bigint> {
      const { rows } = await ask<{ position: string }>(pool, 'select position from logout_tail where only_row');
      return BigInt(rows[0]?.position ?? '-1');
    },
    async advance(position: bigint): Promise<void> {
      await ask(pool, {
        name: 'logout-advance',
        text: 'update logout_tail set position = $1 where only_row and position < $1',
        values: [position.toString()],
      });
    },
  };
}

function deliveryOf(row: DeliveryRow): Delivery {
  const session = parseId('session', row.session);
  if (session === undefined) throw new Error('a logout delivery row has an invalid session id');
  return { session, ...sessionClientOf(row), attempt: row.attempts };
}
