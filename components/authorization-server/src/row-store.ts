import type { Json } from '@countersign/kernel';
import { databaseFailure } from '@countersign/runtime';
import type pg from 'pg';

/** A pool, or one connection of it with a transaction open. */
export type Queryable = Pick<pg.Pool | pg.PoolClient, 'query'>;

/** A query's result, with the failures of the database coded: see `databaseFailure`. */
export async function answered<Result>(query: Promise<Result>): Promise<Result> {
  try {
    return await query;
  } catch (error) {
    throw databaseFailure(error);
  }
}

/** What the seal of a row covers, as JSON: a member that is undefined is left out, as it is when the row is read back. */
export function rowContent(content: object): Json {
  return JSON.parse(JSON.stringify(content)) as Json;
}
