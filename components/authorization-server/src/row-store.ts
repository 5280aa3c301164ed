import type { Json } from '@countersign/kernel';
import { ask } from '@countersign/runtime';
import type pg from 'pg';

/** A pool, or one of its connections with an open transaction. */
export type Queryable = pg.Pool | pg.PoolClient;

/** The content that a row's seal covers, as JSON without undefined members. */
export function rowContent(content: object): Json {
  return JSON.parse(JSON.stringify(content)) as Json;
}

/**
 * Marks a row as used. Of all concurrent callers on all nodes, exactly one gets true.
 *
 * @param row `key`: column of the SHA-256; `column`: time of use; `condition`: additional SQL condition, `$2` is now
 * @param now milliseconds since the epoch
 */
export async function takeOnce(
  session: Queryable,
  row: { readonly table: string; readonly key: string; readonly column: string; readonly condition?: string },
  hash: Buffer,
  now: number,
): Promise<boolean> {
  const { table, key, column, condition = 'true' } = row;
  const { rowCount } = await ask(session, {
    name: `${table}-take`,
    text: `update ${table} set ${column} = to_timestamp($2::float8 / 1000.0)
            where ${key} = $1 and ${column} is null and ${condition} returning ${key}`,
    values: [hash, now],
  });
  return rowCount === 1;
}

/** Removes at most `limit` rows whose `column` is before `before` (milliseconds since the epoch). @returns the number removed */
export async function removeExpiredRows(
  pool: pg.Pool,
  { table, key, column }: { readonly table: string; readonly key: string; readonly column: string },
  before: number,
  limit: number,
): Promise<number> {
  const { rowCount } = await ask(pool, {
    name: `${table}-sweep`,
    text: `delete from ${table} where (${key}) in (
             select ${key} from ${table} where ${column} < to_timestamp($1::float8 / 1000.0) limit $2)`,
    values: [before, limit],
  });
  return rowCount ?? 0;
}
