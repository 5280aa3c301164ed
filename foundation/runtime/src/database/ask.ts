import type pg from 'pg';
import { databaseFailure } from './failure.ts';

/** A statement that each connection prepares once, under its name. */
export interface NamedStatement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/**
 * One statement with its parameters.
 *
 * @param values of a statement without a name
 * @throws CodedError `database_unavailable`; any other fault as the driver has it
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
