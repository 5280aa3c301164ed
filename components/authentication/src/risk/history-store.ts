import type { PrincipalId } from '@countersign/contracts';
import { ask } from '@countersign/runtime';
import type pg from 'pg';
import type { Sighting } from './travel.ts';

export interface Trait {
  readonly kind: 'authenticator' | 'place';
  readonly hash: Buffer;
}

/** Per person, so that many networks do not fill the table. */
const maxTraits = 200;

/** Tables `seen_sign_ins`, `last_locations` and `failed_attempts`. */
export function createHistoryStore(pool: pg.Pool) {
  return {
    async traits(client: pg.PoolClient, person: PrincipalId, since: number): Promise<readonly Trait[]> {
      const { rows } = await ask<Trait>(client, {
        name: 'risk-traits',
        text: `select kind, hash from seen_sign_ins
                where person = $1 and last_seen_at >= to_timestamp($2::float8 / 1000.0)`,
        values: [person, since],
      });
      return rows;
    },
    async see(client: pg.PoolClient, person: PrincipalId, traits: readonly Trait[], now: number): Promise<void> {
      for (const { kind, hash } of traits)
        await ask(client, {
          name: 'risk-see',
          text: `insert into seen_sign_ins (person, kind, hash, last_seen_at)
                 values ($1, $2, $3, to_timestamp($4::float8 / 1000.0))
                 on conflict (person, kind, hash) do update set last_seen_at = excluded.last_seen_at`,
          values: [person, kind, hash, now],
        });
      await ask(client, {
        name: 'risk-forget-oldest',
        text: `delete from seen_sign_ins where person = $1 and (kind, hash) in (
                 select kind, hash from seen_sign_ins where person = $1
                  order by last_seen_at desc, hash offset $2)`,
        values: [person, maxTraits],
      });
    },

    /** @returns the previous place */
    async move(client: pg.PoolClient, person: PrincipalId, to: Sighting): Promise<Sighting | undefined> {
      const { rows } = await ask<{ latitude: number; longitude: number; seen_at: Date }>(client, {
        name: 'risk-last-location',
        text: 'select latitude, longitude, seen_at from last_locations where person = $1',
        values: [person],
      });
      await ask(client, {
        name: 'risk-move',
        text: `insert into last_locations (person, latitude, longitude, seen_at)
               values ($1, $2, $3, to_timestamp($4::float8 / 1000.0))
               on conflict (person) do update
                  set latitude = excluded.latitude, longitude = excluded.longitude, seen_at = excluded.seen_at`,
        values: [person, to.latitude, to.longitude, to.at],
      });
      const [row] = rows;
      return row === undefined
        ? undefined
        : { latitude: row.latitude, longitude: row.longitude, at: row.seen_at.getTime() };
    },

    /** @returns how many within the window, including this one */
    async countFailure(client: pg.PoolClient, person: PrincipalId, now: number, windowMs: number): Promise<number> {
      const { rows } = await ask<{ count: number }>(client, {
        name: 'risk-count-failure',
        text: `insert into failed_attempts as known (person, began_at, count)
               values ($1, to_timestamp($2::float8 / 1000.0), 1)
               on conflict (person) do update
                  set began_at = case when known.began_at > to_timestamp($3::float8 / 1000.0)
                                      then known.began_at else excluded.began_at end,
                      count = case when known.began_at > to_timestamp($3::float8 / 1000.0)
                                   then least(known.count + 1, 1000000) else 1 end
               returning count`,
        values: [person, now, now - windowMs],
      });
      return rows[0]?.count ?? 0;
    },

    async deleteOlder(before: number, limit: number): Promise<number> {
      const seen = await ask(pool, {
        name: 'risk-sweep-seen',
        text: `delete from seen_sign_ins where (person, kind, hash) in (
                 select person, kind, hash from seen_sign_ins
                  where last_seen_at < to_timestamp($1::float8 / 1000.0) limit $2)`,
        values: [before, limit],
      });
      const located = await ask(pool, {
        name: 'risk-sweep-locations',
        text: `delete from last_locations where person in (
                 select person from last_locations where seen_at < to_timestamp($1::float8 / 1000.0) limit $2)`,
        values: [before, limit],
      });
      const failed = await ask(pool, {
        name: 'risk-sweep-failures',
        text: `delete from failed_attempts where person in (
                 select person from failed_attempts where began_at < to_timestamp($1::float8 / 1000.0) limit $2)`,
        values: [before, limit],
      });
      return Math.max(seen.rowCount ?? 0, located.rowCount ?? 0, failed.rowCount ?? 0);
    },
  };
}
