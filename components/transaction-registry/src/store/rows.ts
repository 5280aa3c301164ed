import { databaseFailure } from '@countersign/runtime';
import type pg from 'pg';

export type Connection = pg.Pool | pg.PoolClient;
/** Times come from the driver as dates and are promised as RFC 3339. */
export type Dated<Row, Column extends keyof Row> = Omit<Row, Column> & { readonly [C in Column]: Date };

/**
 * A statement; one that every step asks has a name, by which a connection plans it once: half of what it costs PostgreSQL
 * otherwise. Only what finds its rows by a key, on a pool that reads `byIndexAlone`.
 */
export type Statement = string | { readonly name: string; readonly text: string };

/** Rows were written by this component from parsed values, so they are taken at their word. */
export async function many<Row extends object>(
  on: Connection,
  statement: Statement,
  values: readonly unknown[],
): Promise<Row[]> {
  const asked = typeof statement === 'string' ? { text: statement } : statement;
  try {
    return (await on.query<Row>({ ...asked, values: [...values] })).rows;
  } catch (error) {
    throw databaseFailure(error);
  }
}

export async function one<Row extends object>(
  on: Connection,
  statement: Statement,
  values: readonly unknown[],
): Promise<Row | undefined> {
  return (await many<Row>(on, statement, values))[0];
}
