import type { Json } from '@countersign/kernel';
import { ask } from '@countersign/runtime';
import type pg from 'pg';

/** A pool, or one of its connections with an open transaction. */
export type Queryable = pg.Pool | pg.PoolClient;

/** Drops members that are null in the row. */
export function present<Members extends object>(members: Members) {
  // `fromEntries` forgets the types of the members.
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null && value !== undefined)) as {
    readonly [Name in keyof Members]?: NonNullable<Members[Name]>;
  };
}

/** For a row's seal. */
export function rowContent(content: object): Json {
  return JSON.parse(JSON.stringify(content));
}

/**
 * Marks a row as used; exactly one caller on all nodes gets true.
 *
 * @param row `key`: column of the SHA-256; `column`: time of use; `condition`: additional SQL, where `$2` is now
 */
export async function takeOnce(
  session: Queryable,
  row: { readonly table: string; readonly key: string; readonly column: string; readonly condition?: string },
  hash: Buffer,
  now: number,
): Promise<boolean> {
  const { table, key, column, condition = 'true' } = row;
  const { rowCount } = await ask(session, {
    name: `${table}-consume`,
    text: `update ${table} set ${column} = to_timestamp($2::float8 / 1000.0)
            where ${key} = $1 and ${column} is null and ${condition} returning ${key}`,
    values: [hash, now],
  });
  return rowCount === 1;
}

/** @param before milliseconds since the epoch @returns the number removed */
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
