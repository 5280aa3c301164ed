import type pg from 'pg';
import { ask } from '../database/index.ts';

/** What became of a claim. `forgotten`: claims that ended as late as this one were removed, and it may have been among them. */
export type ClaimOutcome = 'claimed' | 'replayed' | 'forgotten';

export interface StoredClaim {
  readonly key: Buffer;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Key of a claim in the answer of {@link ClaimStore.insert}. */
export function claimName(key: Buffer): string {
  return key.toString('latin1');
}

export type ClaimStore = ReturnType<typeof createClaimStore>;

/**
 * Asks a table `(key, expires_at)` of the component whose pool it is given, and `forgotten_claims`, which says up to which
 * end claims of that table were removed; the component's migrations make both.
 *
 * A clock that runs ahead for a while makes a node remove claims whose proofs are still good by the right time. Whatever ends
 * no later than the newest claim that was removed is therefore never claimed again.
 */
export function createClaimStore(pool: pg.Pool, table: 'single_use' | 'request_objects') {
  return {
    /** Inserts what is not there yet. @returns the keys that were new, by {@link claimName} */
    async insert(items: readonly StoredClaim[]): Promise<ReadonlyMap<string, Exclude<ClaimOutcome, 'replayed'>>> {
      // forgotten_through() is volatile, so it looks after the row is there: had a sweep removed the first claim of this key
      // to make room for it, the mark that it set before is seen.
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
     * Removes claims that ended before `now`, by the clock of the database too: one of the two may run ahead.
     *
     * @returns how many
     */
    async deleteExpired(now: number, limit: number): Promise<number> {
      // The mark is committed before anything is removed: see `insert`.
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
