import { type NamedStatement, ask as query } from '@countersign/runtime';
import type pg from 'pg';

/** The rows of one prepared statement. @throws CodedError `database_unavailable` */
export async function ask<Row extends pg.QueryResultRow>(
  session: pg.Pool | pg.PoolClient,
  statement: NamedStatement,
): Promise<readonly Row[]> {
  return (await query<Row>(session, statement)).rows;
}
