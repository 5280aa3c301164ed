import type pg from 'pg';
import { ask } from '../database/index.ts';

/**
 * The result of a claim. `forgotten`: claims with this end were already removed, so an earlier claim of this id may have been
 * among them.
 */
export type ClaimOutcome = 'claimed' | 'replayed' | 'forgotten';

export interface StoredClaim {
  readonly key: Buffer;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Key of a claim in the result of {@link ClaimStore.insert}. */
export function claimName(key: Buffer): string {
  return key.toString('latin1');
}

export type ClaimStore = ReturnType<typeof createClaimStore>;

/**
 * Uses a table `(key, expires_at)` of the component that owns the pool, and `forgotten_claims`, which stores up to which end
 * claims were removed. The component's migrations create both.
 * A clock that is temporarily fast makes a node remove claims of values that are still valid. An id whose end is not later than
 * the newest removed claim is therefore never claimed again.
 */
export function createClaimStore(pool: pg.Pool, table: 'single_use' | 'request_objects') {
  return {
    /** Inserts new claims. @returns the keys that were new, by {@link claimName} */
    async insert(items: readonly StoredClaim[]): Promise<ReadonlyMap<string, Exclude<ClaimOutcome, 'replayed'>>> {
      // forgotten_through() is volatile, so it is evaluated after the insert. If a sweep has just removed an earlier claim of
      // this key, the sweep's mark, which is committed first, is visible.
      const result = await ask<{ key: Buffer; forgotten: boolean }>(pool, {
        name: `${table}-insert`,
        text: `insert into ${table} (key, expires_at)
               select key, to_timestamp(expires_ms / 1000.0) from unnest($1::bytea[], $2::float8[]) as claim (key, expires_ms)
               on conflict (key) do nothing
               returning key, expires_at <= forgotten_through('${table}') as forgotten`,
        values: [items.map((item) => item.key), items.map((item) => item.expiresAt)],
      });
      return new Map(result.rows.map(({ key, forgotten }) => [claimName(key), forgotten ? 'forgotten' : 'claimed']));
    },
    /**
     * Removes claims that ended before `now` and before the database's time, because one of the two clocks may be fast.
     *
     * @returns how many
     */
    async deleteExpired(now: number, limit: number): Promise<number> {
      // Commit the mark before removing anything: see `insert`.
      await ask(pool, {
        name: `${table}-mark`,
        text: `insert into forgotten_claims (claims, through)
               select '${table}', max(expires_at)
                 from (select expires_at from ${table}
                        where expires_at < least(to_timestamp($1::float8 / 1000.0), clock_timestamp())
                        order by expires_at limit $2) as due
               having max(expires_at) is not null
               on conflict (claims) do update set through = greatest(forgotten_claims.through, excluded.through)`,
        values: [now, limit],
      });
      const { rowCount } = await ask(pool, {
        name: `${table}-sweep`,
        text: `delete from ${table} where key in (
                 select key from ${table} where expires_at <= (select forgotten_through('${table}')) limit $1)`,
        values: [limit],
      });
      return rowCount ?? 0;
    },
  };
}
