import type pg from 'pg';
import { databaseFailure } from './failure.ts';

/** A named statement, prepared once for each connection. */
export interface NamedStatement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/**
 * Runs one statement with its parameters.
 *
 * @param values for an unnamed statement
 * @throws CodedError `database_unavailable`; other errors as the driver reports them
 */
export async function ask<Row extends pg.QueryResultRow>(
  session: pg.Pool | pg.PoolClient,
  statement: string | NamedStatement,
  values: readonly unknown[] = [],
): Promise<pg.QueryResult<Row>> {
  const query = typeof statement === 'string' ? { text: statement, values } : statement;
  try {
    return await session.query<Row>({ ...query, values: [...query.values] });
  } catch (error) {
    throw databaseFailure(error);
  }
}
