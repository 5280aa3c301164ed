import { databaseFailure } from '@countersign/runtime';
import type pg from 'pg';

/** Runs one prepared statement. @throws CodedError `database_unavailable` */
export async function ask<Row extends pg.QueryResultRow>(
  session: pg.Pool | pg.PoolClient,
  query: { readonly name: string; readonly text: string; readonly values: unknown[] },
): Promise<readonly Row[]> {
  try {
    return (await session.query<Row>(query)).rows;
  } catch (error) {
    throw databaseFailure(error);
  }
}
