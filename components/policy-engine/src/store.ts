import type { PolicyVersion } from '@countersign/contracts';
import type { Digest, RecordId } from '@countersign/kernel';
import { databaseFailure, transaction } from '@countersign/runtime';
import type pg from 'pg';

export interface StoredPolicyVersion extends PolicyVersion {
  readonly schemaText: string;
}

export interface PolicyStore {
  latest(): Promise<StoredPolicyVersion | undefined>;
  /** @returns false when another node has published this version number first. */
  insert(version: StoredPolicyVersion): Promise<boolean>;
}

export interface LimitStore {
  used(key: string, day: string): Promise<string>;
  reserve(request: {
    readonly reservation: string;
    readonly key: string;
    readonly day: string;
    readonly ccy: string;
    readonly amount: string;
    readonly limit: string;
  }): Promise<'reserved' | { readonly used: string }>;
  release(reservation: string): Promise<void>;
}

interface PolicyRow {
  version: number;
  hash: string;
  published_at: Date;
  record_id: string;
  schema_text: string;
  policies: { id: string; effect: 'permit' | 'forbid'; text: string }[];
}

export function createPolicyStore(pool: pg.Pool): PolicyStore {
  return {
    async latest() {
      try {
        const { rows } = await pool.query<PolicyRow>(
          `select version, hash, published_at, record_id, schema_text, policies
             from policy_versions order by version desc limit 1`,
        );
        const row = rows[0];
        if (row === undefined) return undefined;
        return {
          version: row.version,
          hash: row.hash as Digest,
          publishedAt: row.published_at.toISOString(),
          recordId: row.record_id as RecordId,
          schemaText: row.schema_text,
          policies: row.policies,
        };
      } catch (error) {
        throw databaseFailure(error);
      }
    },
    async insert(version) {
      try {
        const result = await pool.query(
          `insert into policy_versions (version, hash, published_at, record_id, schema_text, policies)
           values ($1, $2, $3, $4, $5, $6) on conflict (version) do nothing`,
          [
            version.version,
            version.hash,
            version.publishedAt,
            version.recordId,
            version.schemaText,
            JSON.stringify(version.policies),
          ],
        );
        return result.rowCount === 1;
      } catch (error) {
        throw databaseFailure(error);
      }
    },
  };
}

export function createLimitStore(pool: pg.Pool): LimitStore {
  return {
    async used(key, day) {
      try {
        const { rows } = await pool.query<{ used: string }>(
          'select trim_scale(used)::text as used from limit_usage where key = $1 and day = $2',
          [key, day],
        );
        return rows[0]?.used ?? '0';
      } catch (error) {
        throw databaseFailure(error);
      }
    },
    reserve: ({ reservation, key, day, ccy, amount, limit }) =>
      transaction(pool, async (client) => {
        // The row first: every reservation of this key and day queues here, so what follows sees all before it.
        await client.query(
          `insert into limit_usage (key, day, ccy, used) values ($1, $2, $3, 0) on conflict (key, day) do nothing`,
          [key, day, ccy],
        );
        const usage = await client.query<{ used: string; room: boolean }>(
          `select trim_scale(used)::text as used, used + $3::numeric <= $4::numeric as room
             from limit_usage where key = $1 and day = $2 for update`,
          [key, day, amount, limit],
        );
        const held = await client.query(
          'select 1 from limit_reservations where reservation = $1 and key = $2 and not released',
          [reservation, key],
        );
        if (held.rowCount === 1) return 'reserved';
        const row = usage.rows[0];
        if (row?.room !== true) return { used: row?.used ?? '0' };
        await client.query('update limit_usage set used = used + $3::numeric where key = $1 and day = $2', [
          key,
          day,
          amount,
        ]);
        await client.query(
          `insert into limit_reservations (reservation, key, day, amount) values ($1, $2, $3, $4)
           on conflict (reservation, key) do update set released = false, day = excluded.day, amount = excluded.amount`,
          [reservation, key, day, amount],
        );
        return 'reserved';
      }),
    release: (reservation) =>
      transaction(pool, async (client) => {
        // The usage rows first and in one order, as in `reserve`: two that meet wait for each other, never in a ring.
        const usage = await client.query<{ key: string; day: string }>(
          `select usage.key, usage.day from limit_usage usage
            where exists (select 1 from limit_reservations held
                           where held.reservation = $1 and held.key = usage.key and held.day = usage.day and not held.released)
            order by usage.key, usage.day for update`,
          [reservation],
        );
        for (const { key, day } of usage.rows)
          await client.query(
            `with freed as (
               update limit_reservations set released = true
                where reservation = $1 and key = $2 and day = $3 and not released returning amount)
             update limit_usage set used = used - freed.amount from freed where key = $2 and day = $3`,
            [reservation, key, day],
          );
      }),
  };
}
