import type { TransactionId } from '@countersign/kernel';
import { databaseFailure } from '@countersign/runtime';
import type pg from 'pg';

export type Connection = pg.Pool | pg.PoolClient;
/** The driver returns times as dates; the contract uses RFC 3339. */
export type Dated<Row, Column extends keyof Row> = Omit<Row, Column> & { readonly [C in Column]: Date };

/**
 * A named statement is planned once per connection, which halves its cost. Only for statements of every step that find
 * rows by key.
 */
type Statement = string | { readonly name: string; readonly text: string };

/** This component wrote the rows from parsed values, so they are not parsed again. */
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

export async function ids(on: Connection, text: string, values: readonly unknown[]): Promise<readonly TransactionId[]> {
  return (await many<{ readonly id: TransactionId }>(on, text, values)).map(({ id }) => id);
}
