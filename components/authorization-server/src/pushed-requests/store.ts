import { type ClientId, parseClientId } from '@countersign/contracts';
import { type Json, parseId, type RecordId } from '@countersign/kernel';
import { ask, claimName, createClaimStore, type RowSeal, steppedBack } from '@countersign/runtime';
import type pg from 'pg';
import { type Queryable, removeExpiredRows, takeOnce } from '../row-store.ts';

/** Ended by the record of the grant, whatever the row says. */
export const pushedRequestThing = (record: RecordId): string => `pushed-request:${record}`;

export interface PushedRequest {
  readonly client: ClientId;
  readonly parameters: ReadonlyMap<string, Json>;
  readonly recordId: RecordId;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly consumed: boolean;
}

interface PushedRow {
  readonly client: string;
  readonly parameters: { readonly [name: string]: Json };
  readonly record_id: string;
  readonly expires_ms: number;
  readonly consumed: boolean;
  readonly seal: Buffer | null;
}

/** Times are milliseconds since the epoch. Pushed requests without a valid seal are ignored. */
export function createPushedRequestStore(pool: pg.Pool, rowSeal: RowSeal) {
  const objectClaims = createClaimStore(pool, 'request_objects');
  const sealed = (hash: Buffer, { client, parameters, recordId, expiresAt }: Omit<PushedRequest, 'consumed'>) =>
    [
      `pushed-request/${hash.toString('base64url')}`,
      { client, parameters: Object.fromEntries(parameters), record: recordId, expires_at: expiresAt },
    ] as const;

  return {
    async insert(hash: Buffer, request: Omit<PushedRequest, 'consumed'>, removedAfter: number): Promise<void> {
      await ask(pool, {
        name: 'pushed-insert',
        text: `insert into pushed_requests (uri_hash, client, parameters, record_id, expires_at, removed_after, seal)
                 values ($1, $2, $3, $4, to_timestamp($5::float8 / 1000.0), to_timestamp($6::float8 / 1000.0), $7)`,
        values: [
          ...[hash, request.client, JSON.stringify(Object.fromEntries(request.parameters)), request.recordId],
          ...[request.expiresAt, removedAfter, rowSeal.seal(...sealed(hash, request))],
        ],
      });
    },
    async find(hash: Buffer): Promise<PushedRequest | undefined> {
      const { rows } = await ask<PushedRow>(pool, {
        name: 'pushed-find',
        text: `select client, parameters, record_id, extract(epoch from expires_at)::float8 * 1000 as expires_ms,
                        consumed_at is not null as consumed, seal
                   from pushed_requests where uri_hash = $1`,
        values: [hash],
      });
      const [row] = rows;
      if (row === undefined) return undefined;
      const request = requestOf(row);
      return rowSeal.holds(...sealed(hash, request), row.seal) ? request : undefined;
    },
    /** Stops counting at `limit`. */
    async outstanding(client: ClientId, now: number, limit: number): Promise<number> {
      const { rows } = await ask<{ count: number }>(pool, {
        name: 'pushed-outstanding',
        text: `select count(*)::integer as count from (
                   select 1 from pushed_requests
                    where client = $1 and consumed_at is null and expires_at > to_timestamp($2::float8 / 1000.0)
                    limit $3) as waiting`,
        values: [client, now, limit],
      });
      return rows[0]?.count ?? 0;
    },
    /** @returns whether it was still available */
    consume: (hash: Buffer, now: number, within: Queryable) =>
      takeOnce(within, { table: 'pushed_requests', key: 'uri_hash', column: 'consumed_at' }, hash, now),
    /** @returns whether it had not been claimed before @throws CodedError `clock_stepped_back` if this cannot be determined */
    async claimObject(key: Buffer, expiresAt: number): Promise<boolean> {
      const outcome = (await objectClaims.insert([{ key, expiresAt }])).get(claimName(key));
      if (outcome === 'forgotten') throw steppedBack(expiresAt);
      return outcome === 'claimed';
    },
    async removeExpired(now: number, limit: number): Promise<number> {
      const sweep = { table: 'pushed_requests', key: 'uri_hash', column: 'removed_after' };
      const removed = await removeExpiredRows(pool, sweep, now, limit);
      return removed + (await objectClaims.deleteExpired(now, limit));
    },
  };
}

export type PushedRequestStore = ReturnType<typeof createPushedRequestStore>;

function requestOf(row: PushedRow): PushedRequest {
  const client = parseClientId(row.client);
  const recordId = parseId('record', row.record_id);
  if (client === undefined || recordId === undefined)
    throw new Error('a pushed request row has an invalid client or record id');
  const parameters = new Map(Object.entries(row.parameters));
  return { client, parameters, recordId, expiresAt: Math.round(row.expires_ms), consumed: row.consumed };
}
